import type { Certificate, Coefficients, Problem } from "./fit.ts";
import { dualObjective, losses, penaltyWeight, type Regressions, residualOf } from "./objective.ts";
import { countNonzeros } from "./vectors.ts";

/** Residuals `[rows, regressions]`, weighted so that those of each regression sum to zero. */
export function balancedResiduals(
  regressions: Regressions,
  logits: ArrayLike<number>,
): Float64Array {
  const { labels, targets } = regressions;
  const residuals = new Float64Array(logits.length);
  targets.forEach((target, k) =>
    labels.forEach((label, row) => {
      const i = row * targets.length + k;
      residuals[i] = residualOf(logits[i]!, label === target);
    })
  );
  return balance(regressions, residuals);
}

/** Shrinks the residuals of the rows of one sign until those of each regression sum to zero. */
export function balance({ labels, targets }: Regressions, residuals: Float64Array): Float64Array {
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

/** How strongly each allowed column pulls at each regression; it is used where above `l1Ratio`. */
export function pullsOf(
  { targets, scaling: { deviation } }: Regressions,
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

/**
 * What is known of each regression.
 *
 * @param reached Where it is; `dual` has the best bound so far of each regression, and takes better
 * ones.
 * @param tolerance The gap at which a regression has converged.
 */
export function certify(
  regressions: Regressions,
  problem: Problem,
  { coef, logits, penalty, residuals, pulls, dual, nIter }: Pick<Coefficients, "coef"> & {
    readonly logits: Float64Array;
    readonly penalty: readonly number[];
    readonly residuals: Float64Array;
    readonly pulls: readonly Float64Array[];
    readonly dual: number[];
    readonly nIter: number;
  },
  tolerance: number,
): Certificate[] {
  return losses(regressions, logits).map((loss, k) => {
    const objective = problem.C * loss + penalty[k]!;
    dual[k] = Math.max(dual[k]!, dualObjective(regressions, problem, k, residuals, pulls[k]!));
    const width = pulls[k]!.length;
    const own = coef.subarray(k * width, (k + 1) * width);
    const gap = Math.max(0, 1 - dual[k]! / objective);
    return { objective, gap, nonzeros: countNonzeros(own), nIter, converged: gap <= tolerance };
  });
}
