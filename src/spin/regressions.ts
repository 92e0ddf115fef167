import type { Dataset, SplitName } from "../data/dataset.ts";
import { copyDataset } from "../data/make_dataset.ts";
import type { Features, FeatureStore } from "../features/store.ts";
import type { Gpu } from "../gpu/device.ts";
import { decision } from "../probe/decision.ts";
import { mostSteps, predictClasses, type StopReason } from "../probe/fit.ts";
import { fitProblems } from "../probe/solve.ts";
import { limitsOf, requireLimits } from "../probe/solver_options.ts";
import { countNonzeros } from "../probe/vectors.ts";
import { requireOneOf, SpindleError } from "../util.ts";
import { score } from "./metrics.ts";

/** The same features of each split. */
type SplitFeatures = Readonly<Record<SplitName, Features>>;

/** A logistic regression to fit: its C, and the feature columns it may use (default all). */
interface RegressionRequest {
  /** The inverse strength of the penalty. */
  readonly C: number;
  /** The feature columns it may use; default all. */
  readonly columns?: Uint32Array;
}

/** A fitted logistic regression with its scores. */
export interface Regression {
  /** The inverse strength of the penalty. */
  readonly C: number;
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
  /** The relative duality gap at which the solver stopped; of several classes the largest. */
  readonly gap: number;
  /** Steps until the solver stopped; of several classes the most. */
  readonly nIter: number;
  /** Why the solver stopped. */
  readonly stop: StopReason;
}

/**
 * Which weights of a fit are used: those on the way to the optimum that score best in validation
 * (of equals the first), or those at the optimum.
 */
export type Iterate = "best" | "converged";

/** Every {@linkcode Iterate}. */
export const iterates: readonly Iterate[] = ["best", "converged"];

/** The iterate that is used unless another is chosen; docs/solver.md says why. */
export const defaultIterate: Iterate = "best";

/** Choices of the solver. */
export interface SolverChoices {
  /** Which weights of a fit are used; default "best". */
  readonly iterate?: Iterate | undefined;
  /** The relative duality gap at which a fit has converged; default 1e-3. */
  readonly tolerance?: number | undefined;
  /** At most how many steps a fit takes; default 200. */
  readonly maxIterations?: number | undefined;
  /**
   * Where the best iterate is used, a fit also stops after so many steps without a better
   * validation score; default 10.
   */
  readonly patience?: number | undefined;
}

/** {@linkcode SolverChoices}, all of them made. */
export type CompleteChoices = {
  readonly [Name in keyof SolverChoices]-?: Exclude<SolverChoices[Name], undefined>;
};

/**
 * The choices of the solver, with the defaults of those that are not made.
 *
 * @throws {SpindleError} If there is no such iterate, or a limit is none.
 */
export function completeChoices(
  { iterate = defaultIterate, patience = 10, ...others }: SolverChoices,
): CompleteChoices {
  const limits = { patience, ...limitsOf(others) };
  requireLimits(limits);
  return { iterate: requireOneOf("the iterate", iterate, iterates), ...limits };
}

/**
 * Makes sure that features are of the texts whose labels they are fitted to.
 *
 * @returns A copy of the data set, to which the caller cannot write while they are fitted.
 * @throws {SpindleError} If they are of other texts, or the data set is not as it should be.
 */
export function requireSameTexts({ folder, key }: FeatureStore, dataset: Dataset): Dataset {
  const copy = copyDataset(dataset);
  if (key.datasetSha256 === copy.sha256) return copy;
  throw new SpindleError(
    `Cannot fit the features in "${folder}" to the data set "${dataset.name}" as they were made ` +
      "from other texts, labels or splits: extract its own",
  );
}

/** Fits regressions that share their features as one batch, and scores the chosen iterates. */
export async function fitRegressions(
  gpu: Gpu,
  features: SplitFeatures,
  dataset: Dataset,
  requests: readonly RegressionRequest[],
  options: SolverChoices,
  signal?: AbortSignal,
): Promise<Regression[]> {
  const { iterate, patience: given, ...others } = completeChoices(options);
  const limits = { ...others, patience: iterate === "best" ? given : Infinity };
  const { metric, validation, test } = dataset;
  const classes = dataset.classes.length;
  const labelled = (split: SplitName) => ({
    features: features[split],
    labels: dataset[split].labels,
  });
  const fits = await fitProblems(gpu, labelled("train"), classes, requests, {
    ...limits,
    signal,
    validation: {
      ...labelled("validation"),
      score: (predicted) => score(metric, predicted, validation.labels, classes),
    },
  });
  const chosen = fits.map(({ problem, validation }) => ({
    problem,
    ...(iterate === "best" ? validation!.best : validation!.last),
  }));
  const logits = await decision(gpu, features.test, chosen);
  return fits.map(({ problem, certificates, stop }, i) => {
    const { coef, intercept, score: validation } = chosen[i]!;
    const predicted = predictClasses(logits[i]!, intercept.length);
    return {
      C: problem.C,
      coef,
      intercept,
      validation,
      test: score(metric, predicted, test.labels, classes),
      nonzeros: countNonzeros(coef),
      gap: Math.max(...certificates.map(({ gap }) => gap)),
      nIter: mostSteps(certificates),
      stop,
    };
  });
}
