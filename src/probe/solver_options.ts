import { SpindleError } from "../util.ts";
import type { LabelledFeatures } from "./fit.ts";

/** Where to keep the iterate that predicts other rows best. */
export interface Validation extends LabelledFeatures {
  /** Scores predicted classes; the share of right ones where not given. */
  readonly score?: (predicted: Int32Array) => number;
}

/** How {@linkcode fitProblems} solves. */
export interface SolverOptions {
  /** The relative duality gap at which a regression is solved; 1e-3 by default. */
  readonly tolerance?: number | undefined;
  /** At most how many steps, each with two products of all rows and columns; 200 by default. */
  readonly maxIterations?: number | undefined;
  readonly validation?: Validation;
  /** Steps without a better validation score after which a problem is given up; none by default. */
  readonly patience?: number;
  /**
   * At most how many bytes of features stay in GPU memory; those of more are uploaded anew in each
   * step. 1 GiB by default.
   */
  readonly residentBytes?: number;
  /**
   * Whether to certify, in float64 on the host, the coefficients as they are rounded, and to polish
   * what float32 could not prove; off by default, as it takes time for each fit. Needs problems on
   * all columns.
   */
  readonly exact?: boolean;
  /** Aborted, it ends the work at the next look at the results, with its reason as the error. */
  readonly signal?: AbortSignal | undefined;
}

/** The limits of solving; one that is undefined is said no more than one that is not there. */
export function limitsOf({ tolerance = 1e-3, maxIterations = 200 }: SolverOptions) {
  return { tolerance, maxIterations };
}

/**
 * Makes sure that there is an end to solving.
 *
 * @throws {SpindleError} If a limit is none, or the patience.
 */
export function requireLimits(options: SolverOptions): void {
  const { tolerance, maxIterations } = limitsOf(options);
  if (!(tolerance >= 0)) {
    throw new SpindleError(
      `Cannot solve to a tolerance of ${tolerance}: the relative duality gap must be 0 or more`,
    );
  }
  if (!(Number.isInteger(maxIterations) && maxIterations > 0)) {
    throw new SpindleError(
      `Cannot solve in ${maxIterations} iterations: a whole number from 1 on is needed`,
    );
  }
  const { patience = Infinity } = options;
  if (!(patience >= 1 && (Number.isInteger(patience) || patience === Infinity))) {
    throw new SpindleError(
      `Cannot solve with a patience of ${patience}: a whole number of steps from 1 on is needed`,
    );
  }
}
