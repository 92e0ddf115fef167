import type { Metric } from "../../src/data/registry.ts";
import { loadedSha256 } from "../../src/model/files.ts";
import type { Model } from "../../src/model/model.ts";
import type { Pool } from "../../src/ops/pool.ts";
import type { Classifier } from "../../src/spin/classifier.ts";

export const classifier: Classifier = {
  classes: ["bad", "good"],
  model: { name: "model", sha256: "", folder: "models/all-MiniLM-L6-v2" },
  pool: "mean",
  neurons: [{ state: "hidden.0", indices: Uint32Array.of(383, 0) }],
  coef: Float32Array.of(1, -2),
  intercept: Float32Array.of(0.5),
  metric: "accuracy",
  validation: 0.75,
  test: 0.5,
};

/** The classifier, some parts of it changed, as if it was made from that model. */
export const madeFrom = async (
  model: Model,
  change: Partial<Classifier> = {},
): Promise<Classifier> => {
  const own = { name: "model", sha256: await loadedSha256(model), folder: model.folder };
  return { ...classifier, model: own, ...change };
};

export const three = { classes: ["a", "b", "c"], intercept: new Float32Array(3) };

/** Changes that leave parts of the classifier that do not fit, and what is then said of them. */
export const misfits: [Partial<Classifier>, RegExp][] = [
  [{ coef: Float32Array.of(1, NaN) }, /a weight or an intercept is not a finite number$/],
  [{ intercept: Float32Array.of(Infinity) }, /a weight or an intercept is not a finite number$/],
  [{ coef: new Float32Array(1) }, /1 weights do not fit 2 neurons and 1 intercepts, which take 2$/],
  [{ coef: new Float32Array(4) }, /4 weights do not fit 2 neurons and 1 intercepts, which take 2$/],
  [{ classes: three.classes }, /1 intercepts do not fit 3 classes, which take 3$/],
  [{ ...three, coef: new Float32Array(5) }, /5 weights do not fit 2 neurons and 3 intercepts/],
  [
    { classes: ["bad", "bad"] },
    /its classes are \["bad","bad"\] where two different names or more/,
  ],
  [{ classes: ["bad"] }, /its classes are \["bad"\] where two different names or more are needed$/],
  [{ pool: "median" as Pool }, /its pool is "median" where "first" or .+ is needed$/],
  [{ metric: "guesses" as Metric }, /its metric is "guesses" where "accuracy" or "macro-f1" is/],
  [{ validation: NaN }, /a score of it is NaN where a finite number is needed$/],
  [{ test: Infinity }, /a score of it is Infinity where a finite number is needed$/],
  [{ neurons: [{ state: "hidden.0", indices: Uint32Array.of(3, 3) }] }, /neurons of hidden\.0 are/],
];
