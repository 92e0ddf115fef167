import type { Features } from "../features/store.ts";
import type { Gpu } from "../gpu/device.ts";
import { decision } from "../probe/decision.ts";
import { predictClasses, regressionsOf } from "../probe/fit.ts";
import type { LogisticModel } from "../probe/logistic.ts";
import { featuresOf } from "../probe/standardize.ts";
import { SpindleError } from "../util.ts";
import { probabilities } from "./metrics.ts";

/** What a model of `fitLogistic` says of rows. */
export interface LogisticPredictions {
  /**
   * For each row the label with the largest logit, of equals the first; of two the second if it is
   * positive.
   */
  readonly labels: readonly number[];
  /** `[rows, classes]`: the probability of each of the model's classes, which add up to 1. */
  readonly probabilities: Float64Array;
}

/**
 * Predicts the classes of rows with a model that `fitLogistic` fitted.
 *
 * @param gpu Where the logits are computed.
 * @param model The model.
 * @param x Features `[rows, columns]`, row-major, or features that are read in blocks of rows.
 * @returns The labels and probabilities.
 * @throws {SpindleError} If the model is none, features are not finite or no whole rows of as many
 * columns as the model has, or there are none.
 *
 * @example
 * ```ts
 * import { fitLogistic, predictLogistic, requestGpu } from "spindle";
 *
 * using gpu = await requestGpu();
 * const x = Float32Array.of(0, 1, 1, 1, 2, 0, 3, 0, 4, 1, 5, 0);
 * const [model] = await fitLogistic(gpu, x, [0, 0, 1, 0, 1, 1], { C: [10] });
 * const { labels } = await predictLogistic(gpu, model!, Float32Array.of(0, 0, 6, 1));
 * console.log(labels); // [0, 1]
 * ```
 */
export async function predictLogistic(
  gpu: Gpu,
  { classes, coef, intercept }: LogisticModel,
  x: Float32Array | Features,
): Promise<LogisticPredictions> {
  const isModel = [classes, coef, intercept].every((part) => part?.length > 0) &&
    classes.length > 1 && intercept.length === regressionsOf(classes.length) &&
    coef.every(Number.isFinite) && intercept.every(Number.isFinite);
  if (!isModel) {
    throw new SpindleError("Cannot predict with what is no model of fitLogistic: give one");
  }
  const regressions = intercept.length;
  const columns = coef.length / regressions;
  const features: Features = x instanceof Float32Array
    ? featuresOf(x, x.length / columns)
    : Object(x);
  const { rows, cols } = features;
  if (
    !(Number.isInteger(rows) && rows > 0 && cols === columns && typeof features.read === "function")
  ) {
    throw new SpindleError(
      `Cannot predict with a model of ${columns} columns: give a Float32Array of whole rows of ` +
        "them, or features that are read",
    );
  }
  const names = [...classes];
  const [logits] = await decision(gpu, features, [{ problem: {}, coef, intercept }]);
  const each = Array.from(
    { length: rows },
    (_, row) => probabilities(logits!.subarray(row * regressions, (row + 1) * regressions)),
  );
  return {
    labels: Array.from(predictClasses(logits!, regressions), (c) => names[c]!),
    probabilities: Float64Array.from(each.flat()),
  };
}
