import type { Features } from "../features/store.ts";
import { requireList, requireOneOf, SpindleError } from "../util.ts";
import type { Scaling } from "./standardize.ts";

/** Rows with the class of each. */
export interface LabelledFeatures {
  readonly features: Features;
  /** Class ids from 0. */
  readonly labels: Int32Array;
}

/** What is asked of a classifier; {@linkcode completeProblem} has the defaults. */
export interface ProblemRequest {
  /** The weight of the loss against the penalty, as in scikit-learn. */
  readonly C: number;
  /** The columns that it may use, in rising order; all where not given. */
  readonly columns?: Uint32Array;
  /**
   * Which weights are penalised: those of the features as they are (raw), or scaled to unit
   * variance; raw by default.
   */
  readonly scale?: Scale | undefined;
  /**
   * The share of the absolute weights in the penalty, the rest being half their squares; 1, the
   * default, is L1.
   */
  readonly l1Ratio?: number | undefined;
  /** Where to begin, such as at the optimum of a smaller C; at zero where not given. */
  readonly start?: Coefficients;
}

/** One classifier to fit: two classes take one regression, more take one against the rest each. */
export interface Problem extends ProblemRequest {
  readonly scale: Scale;
  readonly l1Ratio: number;
}

/**
 * A problem with the defaults of what is not said.
 *
 * @throws {SpindleError} If its penalty is none.
 */
export function completeProblem(request: ProblemRequest): Problem {
  const { C, scale = "raw", l1Ratio = 1 } = request;
  requireOneOf("the scale", scale, scales);
  if (!(Number.isFinite(C) && C > 0)) {
    throw new SpindleError(
      `Cannot fit a regression with C ${C}: a finite number above 0 is needed`,
    );
  }
  if (!(l1Ratio >= 0 && l1Ratio <= 1)) {
    throw new SpindleError(`Cannot fit a regression with l1Ratio ${l1Ratio}: it must be 0 to 1`);
  }
  return { ...request, scale, l1Ratio };
}

/**
 * Makes sure that there are values of C, and that each is one.
 *
 * @throws {SpindleError} If they are not.
 */
export function requireC(C: readonly number[]): void {
  requireList("the values of C", C);
  if (C.length === 0) throw new SpindleError("Cannot fit without a C: give one at least");
  for (const value of C) completeProblem({ C: value });
}

/** What a penalty weighs. */
export type Scale = "raw" | "standardized";

/** Every {@linkcode Scale}. */
export const scales: readonly Scale[] = ["raw", "standardized"];

/** The coefficients of a classifier on the columns of its problem. */
export interface Coefficients {
  /** `[regressions, columns]`, row-major. */
  readonly coef: Float32Array;
  /** `[regressions]`; beside large means of features, fewer digits would be another model. */
  readonly intercept: Float64Array;
}

/** How well one regression was solved. */
export interface Certificate {
  /** The penalty plus C times the summed loss. */
  readonly objective: number;
  /** At most how much of the objective lies above the optimum: the relative duality gap. */
  readonly gap: number;
  /** Weights that are not zero. */
  readonly nonzeros: number;
  /** Steps until the solver stopped. */
  readonly nIter: number;
  /** Whether the gap reached the tolerance. */
  readonly converged: boolean;
}

/** Steps until the last regression stopped. */
export function mostSteps(certificates: readonly Certificate[]): number {
  return Math.max(...certificates.map(({ nIter }) => nIter));
}

/**
 * Why a solver stopped: the gap reached the tolerance, the validation score had stopped rising, the
 * steps were used up, or they led no further in float32.
 */
export type StopReason = "converged" | "validation" | "steps" | "precision";

/**
 * Why a solver stopped that has nothing more to try.
 *
 * @param isPatient Whether it was still waiting for a better validation score.
 */
export function stopReason(
  certificates: readonly Certificate[],
  maxIterations: number,
  isPatient = true,
): StopReason {
  const slow = certificates.filter(({ converged }) => !converged);
  if (slow.length === 0) return "converged";
  if (!isPatient) return "validation";
  return slow.some(({ nIter }) => nIter >= maxIterations) ? "steps" : "precision";
}

/** An iterate and its score on the validation rows, as it is saved. */
export interface ScoredCoefficients extends Pick<Coefficients, "coef"> {
  /** `[regressions]`. */
  readonly intercept: Float32Array;
  readonly score: number;
  readonly nIter: number;
}

/** A fitted classifier. */
export interface Fit extends Coefficients {
  readonly problem: Problem;
  /** One a regression. */
  readonly certificates: readonly Certificate[];
  readonly stop: StopReason;
  /** Where one more step would lead, whose model bounds the optimum. */
  readonly ahead?: Coefficients;
  /** The iterate with the best validation score (of equals the first), and the last one. */
  readonly validation?: { readonly best: ScoredCoefficients; readonly last: ScoredCoefficients };
}

/** How many regressions a classifier of some classes takes. */
export function regressionsOf(classes: number): number {
  return classes === 2 ? 1 : classes;
}

/** The class that each regression's logit speaks for: of two classes the second. */
export function positiveClasses<Class>(classes: readonly Class[]): readonly Class[] {
  return regressionsOf(classes.length) === 1 ? classes.slice(1) : classes;
}

/**
 * From scaled coordinates, on the design's columns, to the features' own.
 *
 * @throws {SpindleError} If a weight is beyond float32 there.
 */
export function unscale(
  scaled: ArrayLike<number>,
  scaledIntercept: number,
  places: Uint32Array,
  { columns, mean, deviation }: Scaling,
): { coef: Float32Array; intercept: number } {
  const coef = new Float32Array(places.length);
  let intercept = scaledIntercept;
  places.forEach((place, i) => {
    const unit = deviation[place]!;
    if (unit === 0 || scaled[place] === 0) return;
    coef[i] = scaled[place]! / unit;
    if (!Number.isFinite(coef[i]) && Number.isFinite(scaled[place])) {
      throw new SpindleError(
        `Cannot fit column ${columns[place]} as its standard deviation of ` +
          `${unit.toExponential(1)} takes a weight that float32 cannot hold: multiply the column ` +
          "by a larger number",
      );
    }
    intercept -= coef[i]! * mean[place]!;
  });
  return { coef, intercept };
}

/** From the features' own coordinates to scaled ones on the design's columns. */
export function rescale(
  { coef, intercept }: Coefficients,
  regression: number,
  places: Uint32Array,
  { mean, deviation }: Scaling,
): { coef: Float32Array; intercept: number } {
  const scaled = new Float32Array(deviation.length);
  let shift = intercept[regression]!;
  places.forEach((place, i) => {
    const weight = coef[regression * places.length + i]!;
    scaled[place] = weight * deviation[place]!;
    shift += weight * mean[place]!;
  });
  return { coef: scaled, intercept: shift };
}

/**
 * The class that each row of logits names.
 *
 * @param logits `[rows, regressions]`: one for two classes, positive for class 1; else one a class.
 */
export function predictClasses(logits: ArrayLike<number>, regressions: number): Int32Array {
  const rows = logits.length / regressions;
  const predicted = new Int32Array(rows);
  for (let row = 0; row < rows; row++) {
    const first = row * regressions;
    if (regressions === 1) {
      predicted[row] = logits[first]! > 0 ? 1 : 0;
      continue;
    }
    for (let c = 1; c < regressions; c++) {
      if (logits[first + c]! > logits[first + predicted[row]!]!) predicted[row] = c;
    }
  }
  return predicted;
}

/** The share of predictions that are right. */
export function accuracy(predicted: Int32Array, labels: Int32Array): number {
  let right = 0;
  for (let i = 0; i < labels.length; i++) if (predicted[i] === labels[i]) right++;
  return right / labels.length;
}
