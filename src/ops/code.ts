/** The integers below `n`. */
export function range(n: number): number[] {
  return [...Array(n).keys()];
}

/** Lines of generated code: `line` for every integer below `n`. */
export function unroll(n: number, line: (i: number) => string): string {
  return range(n).map(line).join("\n");
}
