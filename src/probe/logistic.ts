import type { Features } from "../features/store.ts";
import type { Gpu } from "../gpu/device.ts";
import { requireList, SpindleError, typeOf } from "../util.ts";
import { type Certificate, mostSteps, requireC, type Scale } from "./fit.ts";
import { fitProblems } from "./solve.ts";
import { featuresOf } from "./standardize.ts";

/** How {@linkcode fitLogistic} fits; what C and l1Ratio mean is as in scikit-learn. */
export interface LogisticOptions {
  /** The weights of the loss against the penalty, one model each; `[1]` by default. */
  readonly C?: readonly number[] | undefined;
  /** The share of L1 in the penalty: 1, the default, is L1, 0 is ridge, between is elastic net. */
  readonly l1Ratio?: number | undefined;
  /** Whether raw weights are penalised (default), or those of features scaled to unit variance. */
  readonly scale?: Scale | undefined;
  /** The relative duality gap at which a model is solved, 1e-4 by default. */
  readonly tolerance?: number | undefined;
  /** At most how many steps, 200 by default. */
  readonly maxIterations?: number | undefined;
  /** Aborted, it ends the work with its reason as the error. */
  readonly signal?: AbortSignal | undefined;
}

/** A logistic-regression model; for more than two classes one against the rest each. */
export interface LogisticModel {
  /** The weight of the loss against the penalty. */
  readonly C: number;
  /** The labels, in rising order. */
  readonly classes: readonly number[];
  /** `[regressions, columns]`: one regression for two classes, positive for the larger label. */
  readonly coef: Float32Array;
  /** `[regressions]`. */
  readonly intercept: Float64Array;
  /** Steps of the slowest regression. */
  readonly nIter: number;
  /** Whether every gap reached the tolerance. */
  readonly converged: boolean;
  /** One a regression: objective, gap, nonzeros, nIter, converged. */
  readonly certificates: readonly Certificate[];
}

/**
 * Fits logistic regressions to a matrix and labels, each with a certificate of how close to its
 * optimum it is, in float64 and of the weights that are returned. A model that does not converge
 * says so in `converged`: more iterations, a larger tolerance, a smaller C or standardized weights
 * help.
 *
 * @param x Features `[rows, columns]`, row-major, or features that are read in blocks of rows. An
 * array of at most 256 MiB is copied before the promise is returned; a larger one must stay as it
 * is until the promise settles.
 * @param y A whole number a row: its class.
 * @param options The values of C, the penalty, and when the solver stops.
 * @returns A model for each C.
 * @throws {SpindleError} If features are of another type or not finite, there is not a whole row of
 * them for each label, a label is no whole number, there are not two classes, there is no C, a
 * choice is none, or a column varies so little that float32 cannot hold its weight.
 *
 * @example
 * ```ts
 * import { fitLogistic, requestGpu } from "spindle";
 *
 * using gpu = await requestGpu();
 * const x = Float32Array.of(0, 1, 1, 1, 2, 0, 3, 0, 4, 1, 5, 0);
 * const [model] = await fitLogistic(gpu, x, [0, 0, 1, 0, 1, 1], { C: [10] });
 * console.log(model!.coef, model!.intercept, model!.certificates[0]!.gap);
 * ```
 */
export async function fitLogistic(
  gpu: Gpu,
  x: Float32Array | Features,
  y: ArrayLike<number>,
  options: LogisticOptions = {},
): Promise<LogisticModel[]> {
  const { C = [1], l1Ratio, scale, tolerance = 1e-4, maxIterations = 200, signal } = options;
  requireC(C);
  requireList("the labels", y);
  const features = toFeatures(x, y);
  const classes = classesOf(y);
  const place = new Map(classes.map((label, i) => [label, i]));
  const labels = Int32Array.from(y, (label) => place.get(label)!);
  const problems = C.map((value) => ({ C: value, l1Ratio, scale }));
  const train = { features, labels };
  const fits = await fitProblems(gpu, train, classes.length, problems, {
    tolerance,
    maxIterations,
    exact: true,
    signal,
  });
  return fits.map(({ problem, coef, intercept, certificates }) => ({
    C: problem.C,
    classes,
    coef,
    intercept,
    nIter: mostSteps(certificates),
    converged: certificates.every(({ converged }) => converged),
    certificates,
  }));
}

/**
 * The features, of which there is a row for each label.
 *
 * @throws {SpindleError} If there is not, or they are of another type.
 */
function toFeatures(x: Float32Array | Features, y: ArrayLike<number>): Features {
  if (!(x instanceof Float32Array) && typeof Object(x).read !== "function") {
    throw new SpindleError(
      `Cannot fit features in ${typeOf(x)}: a Float32Array is needed, or features that are read`,
    );
  }
  if (x instanceof Float32Array && (y.length === 0 || x.length % y.length !== 0)) {
    throw new SpindleError(
      `Cannot fit ${x.length} features to ${y.length} labels: give as many for each row`,
    );
  }
  const features = x instanceof Float32Array ? featuresOf(x, y.length) : x;
  if (features.rows !== y.length) {
    throw new SpindleError(
      `Cannot fit ${features.rows} rows to ${y.length} labels: give one a row`,
    );
  }
  const { cols } = features;
  if (!(Number.isInteger(cols) && cols > 0)) {
    throw new SpindleError(`Cannot fit rows of ${cols} features: give at least one column`);
  }
  return features;
}

/**
 * The different labels, in rising order.
 *
 * @throws {SpindleError} If one is no whole number, or they are fewer than two.
 */
function classesOf(y: ArrayLike<number>): number[] {
  const classes = [...new Set(Array.from(y))];
  const broken = classes.findIndex((label) => !Number.isInteger(label));
  if (broken >= 0) {
    throw new SpindleError(`Cannot fit the label ${classes[broken]}: labels are whole numbers`);
  }
  if (classes.length < 2) {
    throw new SpindleError(
      `Cannot fit a logistic regression to ${classes.length} class: two are needed`,
    );
  }
  return classes.sort((a, b) => a - b);
}
