import type { Coefficients } from "./fit.ts";

/** Columns whose Gram matrix is multiplied as a whole; more are solved by working sets. */
export const widestDesign = 4096;
/** How many columns join a working set at once: a share of those in use, and some at least. */
const joining = { share: 0.5, least: 64 };
/**
 * An unused column is worth a place where it pulls at least so strongly, as a share of the need.
 */
const nearlyUsed = 0.9;

/** For each column the strongest pull of all regressions. */
export function strongestPulls([first, ...others]: readonly Float64Array[]): Float64Array {
  return first!.map((pull, j) => others.reduce((most, each) => Math.max(most, each[j]!), pull));
}

/** The places of the columns in use, and of the others that pull most strongly. */
export function chooseColumns(
  { coef }: Pick<Coefficients, "coef">,
  pulls: Float64Array,
  need: number,
): Uint32Array {
  const width = pulls.length;
  const used = new Set<number>();
  coef.forEach((value, i) => value !== 0 && used.add(i % width));
  const others = [...pulls.keys()].filter((j) => !used.has(j) && pulls[j]! > nearlyUsed * need)
    .sort((a, b) => pulls[b]! - pulls[a]!);
  const room = Math.min(
    Math.max(joining.least, joining.share * used.size),
    Math.max(0, widestDesign - used.size),
  );
  const chosen = [...used, ...others.slice(0, room)];
  // Where nothing is wanted at all, one column lets the intercept be fitted.
  return chosen.length > 0 ? Uint32Array.from(chosen).sort() : Uint32Array.of(0);
}

/** Whether some column that ought to be used is new. */
export function joins(next: Uint32Array, before: Uint32Array, pulls: Float64Array, need: number) {
  const known = new Set(before);
  return next.some((place) => !known.has(place) && pulls[place]! > need);
}
