/** The integers below `n`. */
export function range(n: number): number[] {
  return [...Array(n).keys()];
}

/** Lines of generated code: `line` for every integer below `n`. */
export function unroll(n: number, line: (i: number) => string): string {
  return range(n).map(line).join("\n");
}

/**
 * The inner product of the texels named `a` and `b`. Its pairs are summed side by side: processors look
 * ahead a few dozen instructions, and a chain of sums leaves them waiting.
 */
export function innerProduct(a: string, b: string): string {
  const [x, y, z, w] = ["x", "y", "z", "w"].map((part) => `${a}.${part} * ${b}.${part}`);
  return `((${x} + ${y}) + (${z} + ${w}))`;
}
