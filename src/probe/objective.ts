import type { Problem } from "./fit.ts";
import type { Scaling } from "./standardize.ts";

/** What the regressions on some rows share. */
export interface Regressions {
  /** The class of each row. */
  readonly labels: Int32Array;
  /** The positive class of each regression. */
  readonly targets: readonly number[];
  readonly scaling: Scaling;
}

/** log(1 + exp(z)), which neither overflows nor loses digits. */
export function softplus(z: number): number {
  return Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
}

/** The derivative of a row's loss: its probability of being positive less whether it is. */
export function residualOf(logit: number, isPositive: boolean): number {
  return isPositive ? -1 / (1 + Math.exp(logit)) : 1 / (1 + Math.exp(-logit));
}

/** The summed loss of each regression. */
export function losses({ labels, targets }: Regressions, logits: ArrayLike<number>): number[] {
  return targets.map((target, k) => {
    let sum = 0;
    labels.forEach((label, row) => {
      const z = logits[row * targets.length + k]!;
      sum += softplus(label === target ? -z : z);
    });
    return sum;
  });
}

/** The penalty of coefficients on the columns that stand at some places of the scaling. */
export function penaltyOf(
  { l1Ratio, scale }: Problem,
  coef: Float32Array | Float64Array,
  places: Uint32Array,
  { deviation }: Scaling,
): number {
  let sum = 0;
  coef.forEach((value, i) => {
    const size = Math.abs(value) * (scale === "raw" ? 1 : deviation[places[i]!]!);
    sum += l1Ratio * size + (1 - l1Ratio) / 2 * size * size;
  });
  return sum;
}

/** The penalty weight of a column in scaled coordinates; infinite for a constant one. */
export function penaltyWeight({ scale }: Problem, deviation: number): number {
  if (deviation === 0) return Infinity;
  return scale === "standardized" ? 1 : 1 / deviation;
}

/** The dual objective of a regression, at the best multiple of its residuals. */
export function dualObjective(
  { labels, targets }: Regressions,
  { C, l1Ratio }: Problem,
  k: number,
  residuals: Float64Array,
  pulls: Float64Array,
): number {
  const strongest = pulls.reduce((most, pull) => Math.max(most, pull), 0);
  const at = (share: number) => {
    let entropy = 0;
    for (let row = 0; row < labels.length; row++) {
      const a = share * Math.abs(residuals[row * targets.length + k]!);
      if (a > 0) entropy -= a * Math.log(a);
      if (a < 1) entropy -= (1 - a) * Math.log1p(-a);
    }
    if (l1Ratio === 1) return C * entropy;
    const conjugate = pulls.reduce(
      (sum, pull) => sum + Math.max(0, share * pull - l1Ratio) ** 2,
      0,
    );
    return C * entropy - conjugate / (2 * (1 - l1Ratio));
  };
  if (l1Ratio === 1) return at(Math.min(1, 1 / strongest));
  // Concave in the share, between where no column is used and the residuals themselves.
  let [low, high] = [strongest > l1Ratio ? l1Ratio / strongest : 1, 1];
  let best = Math.max(at(low), at(high));
  for (let step = 0; step < 12; step++) {
    const [left, right] = [(2 * low + high) / 3, (low + 2 * high) / 3];
    const [atLeft, atRight] = [at(left), at(right)];
    best = Math.max(best, atLeft, atRight);
    if (atLeft < atRight) low = left;
    else high = right;
  }
  return best;
}
