/** The integers below `n`. */
export function range(n: number): number[] {
  return [...Array(n).keys()];
}

/** Lines of generated code: `line` for every integer below `n`. */
export function unroll(n: number, line: (i: number) => string): string {
  return range(n).map(line).join("\n");
}

/**
 * The sum of terms in pairs, and pairs of those, in brackets: a processor looks ahead a few dozen
 * instructions, and waits where each addition needs the one before.
 */
export function pairwiseSum(terms: readonly string[]): string {
  if (terms.length <= 2) return `(${terms.join(" + ")})`;
  const half = Math.ceil(terms.length / 2);
  return `(${pairwiseSum(terms.slice(0, half))} + ${pairwiseSum(terms.slice(half))})`;
}

/** The inner product of the texels named `a` and `b`. */
export function innerProduct(a: string, b: string): string {
  return pairwiseSum(["x", "y", "z", "w"].map((part) => `${a}.${part} * ${b}.${part}`));
}
