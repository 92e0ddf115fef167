import type { Certificate, Coefficients, Problem } from "./fit.ts";
import type { Scaling } from "./standardize.ts";

/** Labels, the positive class of each regression, and how the columns are scaled. */
export interface WideTargets {
  readonly labels: Int32Array;
  readonly targets: readonly number[];
  readonly scaling: Scaling;
}

/** The derivative of a row's loss: its probability of being positive less whether it is. */
export function residualOf(logit: number, isPositive: boolean): number {
  return isPositive ? -1 / (1 + Math.exp(logit)) : 1 / (1 + Math.exp(-logit));
}

/** Residuals `[rows, regressions]`, weighted so that those of each regression sum to zero. */
export function balancedResiduals(
  wide: WideTargets,
  logits: ArrayLike<number>,
): Float64Array {
  const { labels, targets } = wide;
  const residuals = new Float64Array(logits.length);
  targets.forEach((target, k) =>
    labels.forEach((label, row) => {
      const i = row * targets.length + k;
      residuals[i] = residualOf(logits[i]!, label === target);
    })
  );
  return balance(wide, residuals);
}

/** Shrinks the residuals of the rows of one sign until those of each regression sum to zero. */
export function balance({ labels, targets }: WideTargets, residuals: Float64Array): Float64Array {
  targets.forEach((target, k) => {
    const sums = [0, 0];
    const at = (row: number) => row * targets.length + k;
    labels.forEach((label, row) =>
      sums[Number(label === target)]! += Math.abs(residuals[at(row)]!)
    );
    const least = Math.min(...sums);
    const shares = sums.map((sum) => sum > 0 ? least / sum : 0);
    labels.forEach((label, row) => residuals[at(row)]! *= shares[Number(label === target)]!);
  });
  return residuals;
}

/** log(1 + exp(z)), which neither overflows nor loses digits. */
export function softplus(z: number): number {
  return Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
}

/** The summed loss of each regression. */
export function losses({ labels, targets }: WideTargets, logits: ArrayLike<number>): number[] {
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

/** How strongly each allowed column pulls at each regression; it is used where above `l1Ratio`. */
export function pullsOf(
  { targets, scaling: { deviation } }: WideTargets,
  problem: Problem,
  allowed: Uint32Array,
  gradient: ArrayLike<number>,
): Float64Array[] {
  const cols = deviation.length;
  return targets.map((_, k) =>
    Float64Array.from(allowed, (column) =>
      problem.C * Math.abs(gradient[k * cols + column]!) /
      penaltyWeight(problem, deviation[column]!))
  );
}

/** For each column the strongest pull of all regressions. */
export function strongestPulls([first, ...others]: readonly Float64Array[]): Float64Array {
  return first!.map((pull, j) => others.reduce((most, each) => Math.max(most, each[j]!), pull));
}

/**
 * What is known of each regression.
 *
 * @param reached Where it is; `dual` has the best bound so far of each regression, and takes better
 * ones.
 */
export function certify(
  wide: WideTargets,
  problem: Problem,
  { coef, logits, penalty, residuals, pulls, dual, nIter }: Pick<Coefficients, "coef"> & {
    readonly logits: Float64Array;
    readonly penalty: readonly number[];
    readonly residuals: Float64Array;
    readonly pulls: readonly Float64Array[];
    readonly dual: number[];
    readonly nIter: number;
  },
): Omit<Certificate, "converged">[] {
  return losses(wide, logits).map((loss, k) => {
    const objective = problem.C * loss + penalty[k]!;
    dual[k] = Math.max(dual[k]!, dualObjective(wide, problem, k, residuals, pulls[k]!));
    const width = pulls[k]!.length;
    const own = coef.subarray(k * width, (k + 1) * width);
    const nonzeros = own.reduce((count, value) => count + Number(value !== 0), 0);
    return { objective, gap: Math.max(0, 1 - dual[k]! / objective), nonzeros, nIter };
  });
}

/** The dual objective of a regression, at the best multiple of its residuals. */
export function dualObjective(
  { labels, targets }: WideTargets,
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
