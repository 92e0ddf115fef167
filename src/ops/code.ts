import { range } from "../util.ts";

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

/** Code that brings numbered texels to every lane: before their use, and at the use of each. */
export interface Loads {
  readonly early: string;
  readonly inTime: (n: number) => string;
}

/** Every lane loads every texel itself. */
export function loadedByEach(
  name: (n: number) => string,
  texel: (n: string) => string,
): Loads {
  return { early: "", inTime: (n) => `let ${name(n)} = ${texel(`${n}u`)};\n` };
}

/**
 * Each lane of a subgroup loads one in `period` of `count` texels, and hands it to the others.
 *
 * @param lane The lane's place among `period` of them.
 */
export function handedRound(
  { count, period, lane = "lane" }: { count: number; period: number; lane?: string },
  name: (n: number) => string,
  texel: (n: string) => string,
): Loads {
  const own = (i: number) => `own_${name(i)}`;
  return {
    early: unroll(
      Math.ceil(count / period),
      (i) => `let ${own(i)} = ${texel(`${i * period}u + ${lane}`)};`,
    ),
    inTime: (n) =>
      `let ${name(n)} = subgroupBroadcast(${own(Math.floor(n / period))}, ${n % period}u);\n`,
  };
}

/** Code that brings `count` texels to every lane, each by one of them where they can share. */
export function sharedLoads(
  { subgroups, lanes }: { readonly subgroups: boolean; readonly lanes: number },
  count: number,
  name: (n: number) => string,
  texel: (n: string) => string,
): string {
  const { early, inTime } = subgroups
    ? handedRound({ count, period: lanes }, name, texel)
    : loadedByEach(name, texel);
  return early + "\n" + unroll(count, inTime);
}
