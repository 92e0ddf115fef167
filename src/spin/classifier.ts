import { type Metric, metrics } from "../data/registry.ts";
import { isJsonObject } from "../formats/json.ts";
import { type Precision, precisions } from "../gpu/precision.ts";
import { type Pool, pools } from "../ops/pool.ts";
import { regressionsOf } from "../probe/fit.ts";
import { either } from "../util.ts";
import { countNeurons } from "./select.ts";

/** A text classifier made of selected neurons and one logistic regression. */
export interface Classifier {
  /** The names of the classes. */
  readonly classes: readonly string[];
  /** The model whose neurons it reads. */
  readonly model: {
    readonly name: string;
    readonly sha256: string;
    readonly folder: string;
    /** The float type of the weights with which it was made; float32 where not said. */
    readonly weights?: Precision;
    /** How many blocks it has, all stacks together. */
    readonly blocks?: number;
  };
  /** How many of the model's blocks its states need: the others are neither loaded nor run. */
  readonly blocksToRun?: number;
  /** How the states are pooled. */
  readonly pool: Pool;
  /** The neurons, state by state, each state's in the order of falling saliency. */
  readonly neurons: readonly { readonly state: string; readonly indices: Uint32Array }[];
  /** `[K, neurons]`; K is 1 for two classes, where the second is positive. */
  readonly coef: Float32Array;
  /** `[K]`. */
  readonly intercept: Float32Array;
  /** What its scores are. */
  readonly metric: Metric;
  /** Its validation score. */
  readonly validation: number;
  /** Its test score. */
  readonly test: number;
}

/**
 * Finds a part of a classifier that does not fit the others, or is not what its type says.
 *
 * @returns What is wrong with it, to follow "as"; undefined where all parts fit.
 */
export function misfitOf(classifier: Classifier): string | undefined {
  return misfitOfDescription(classifier) ?? misfitOfWeights(classifier);
}

function misfitOfDescription(classifier: Classifier): string | undefined {
  const { classes, model, blocksToRun, pool, metric, validation, test } = classifier;
  if (!areNames(classes) || classes.length < 2) {
    return `its classes are ${
      JSON.stringify(classes)
    } where two different names or more are needed`;
  }
  if (!isModel(model)) {
    return `its model is ${JSON.stringify(model)} where a name, a sha256 and a folder are needed`;
  }
  if (blocksToRun !== undefined && !isIndex(blocksToRun)) {
    return `its blocksToRun is ${JSON.stringify(blocksToRun)} where a whole number is needed`;
  }
  if (blocksToRun !== undefined && blocksToRun > (model.blocks ?? Infinity)) {
    return `it runs ${blocksToRun} of ${model.blocks} blocks`;
  }
  if (!pools.includes(pool)) return `its pool is "${pool}" where ${either(pools)} is needed`;
  if (!metrics.includes(metric)) {
    return `its metric is "${metric}" where ${either(metrics)} is needed`;
  }
  for (const score of [validation, test]) {
    if (!Number.isFinite(score)) return `a score of it is ${score} where a finite number is needed`;
  }
  return undefined;
}

function misfitOfWeights(classifier: Classifier): string | undefined {
  const { classes, neurons, coef, intercept } = classifier;
  const states = neurons.map(({ state }) => state);
  if (!areNames(states)) {
    return `its states are ${JSON.stringify(states)} where different names are needed`;
  }
  const mistaken = neurons.find(({ indices }) => !areDistinct(indices) || !indices.every(isIndex));
  if (mistaken) {
    return `its neurons of ${mistaken.state} are not different whole numbers from 0 to ` +
      `${lastIndex}`;
  }
  const outputs = regressionsOf(classes.length);
  if (intercept.length !== outputs) {
    return `${intercept.length} intercepts do not fit ${classes.length} classes, which take ` +
      `${outputs}`;
  }
  const count = countNeurons(classifier);
  if (coef.length !== outputs * count) {
    return `${coef.length} weights do not fit ${count} neurons and ${outputs} intercepts, which ` +
      `take ${outputs * count}`;
  }
  if (!coef.every(Number.isFinite) || !intercept.every(Number.isFinite)) {
    return "a weight or an intercept is not a finite number";
  }
  return undefined;
}

/** The largest index that a file holds. */
const lastIndex = 2 ** 31 - 1;

function isIndex(value: unknown): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= lastIndex;
}

function areNames(list: unknown): boolean {
  return Array.isArray(list) && list.every((each) => typeof each === "string") && areDistinct(list);
}

function areDistinct(values: ArrayLike<unknown>): boolean {
  return new Set(Array.from(values)).size === values.length;
}

function isModel(model: unknown): boolean {
  return isJsonObject(model) &&
    [model.name, model.sha256, model.folder].every((each) => typeof each === "string") &&
    [undefined, ...precisions].some((weights) => weights === model.weights) &&
    (model.blocks === undefined || isIndex(model.blocks));
}
