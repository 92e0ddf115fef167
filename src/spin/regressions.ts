import type { Dataset } from "../data/dataset.ts";
import type { Features, SplitName } from "../features/store.ts";
import type { Gpu } from "../gpu/device.ts";
import { decision } from "../probe/decision.ts";
import { predictClasses } from "../probe/fit.ts";
import { fitProblems } from "../probe/solve.ts";
import { score } from "./metrics.ts";

/** The same features of each split. */
export type SplitFeatures = Readonly<Record<SplitName, Features>>;

/** A logistic regression to fit: its C, and the feature columns it may use (default all). */
export interface RegressionRequest {
  /** The inverse strength of the penalty. */
  readonly C: number;
  /** The feature columns it may use; default all. */
  readonly columns?: Uint32Array;
}

/** A fitted logistic regression with its scores. */
export interface Regression extends Required<Pick<RegressionRequest, "C">> {
  /** `[K, columns]`; K is 1 for two classes, where the second is positive. */
  readonly coef: Float32Array;
  /** `[K]`. */
  readonly intercept: Float32Array;
  /** Validation score. */
  readonly validation: number;
  /** Test score. */
  readonly test: number;
  /** Weights that are not zero. */
  readonly nonzeros: number;
  /** The relative duality gap of the converged weights; of several classes the largest. */
  readonly gap: number;
  /** Iterations until the solver stopped. */
  readonly nIter: number;
  /** Whether the gap reached the tolerance. */
  readonly converged: boolean;
}

/** Choices of the solver. */
export interface SolverChoices {
  /** The relative duality gap at which a fit has converged; default 1e-3. */
  tolerance?: number;
  /** Where a fit stops all the same. */
  maxIterations?: number;
  /** A fit also stops after so many steps without a better validation score; default 10. */
  patience?: number;
}

/**
 * Fits regressions that share their features as one batch, and scores them. The weights are those
 * of the iterate with the best validation score, as in the paper.
 */
export async function fitRegressions(
  gpu: Gpu,
  features: SplitFeatures,
  dataset: Dataset,
  requests: readonly RegressionRequest[],
  options: SolverChoices,
): Promise<Regression[]> {
  const { metric, validation, test } = dataset;
  const classes = dataset.classes.length;
  const labelled = (split: SplitName) => ({
    features: features[split],
    labels: dataset[split].labels,
  });
  const fits = await fitProblems(gpu, labelled("train"), classes, requests, {
    patience: 10,
    ...options,
    validation: {
      ...labelled("validation"),
      score: (predicted) => score(metric, predicted, validation.labels, classes),
    },
  });
  const chosen = fits.map(({ problem, validation }) => ({ problem, ...validation!.best }));
  const logits = await decision(gpu, features.test, chosen);
  return fits.map(({ problem, certificates }, i) => {
    const { coef, intercept, score: validation } = chosen[i]!;
    const predicted = predictClasses(logits[i]!, intercept.length);
    return {
      C: problem.C,
      coef,
      intercept,
      validation,
      test: score(metric, predicted, test.labels, classes),
      nonzeros: coef.reduce((count, weight) => count + (weight === 0 ? 0 : 1), 0),
      gap: Math.max(...certificates.map(({ gap }) => gap)),
      nIter: Math.max(...certificates.map(({ nIter }) => nIter)),
      converged: certificates.every(({ converged }) => converged),
    };
  });
}
