import type { Metric } from "../data/registry.ts";
import { type NewFile, replaceFiles } from "../formats/replace.ts";
import { isJsonObject, parsedOrUndefined } from "../formats/json.ts";
import {
  openSafetensors,
  readFloats,
  readIntegers,
  safetensorsFile,
  type TensorData,
} from "../formats/safetensors.ts";
import type { Precision } from "../gpu/precision.ts";
import type { Model } from "../model/model.ts";
import type { Pool } from "../ops/pool.ts";
import { SpindleError } from "../util.ts";
import { predictClasses } from "../probe/fit.ts";
import { misfitOf } from "./classifier_parts.ts";
import { probabilities } from "./metrics.ts";
import { readNeurons } from "./read_neurons.ts";

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

/** What a classifier says of a text. */
export interface Prediction {
  /** The class with the highest probability; of equals the first. */
  readonly label: string;
  /** The probability of that label. */
  readonly probability: number;
  /** By class. */
  readonly probabilities: Readonly<Record<string, number>>;
}

/** Choices of {@linkcode classify}. */
export interface ClassifyOptions {
  /** Is told how many of the texts were longer than the model takes, and lost their ends. */
  onTruncated?: (texts: number) => void;
}

const format = "spindle-classifier-1";

/**
 * Writes a classifier as one safetensors file that describes itself.
 *
 * @throws {SpindleError} If its parts do not fit together, or the file cannot be written.
 */
export function saveClassifier(path: string, classifier: Classifier): void {
  replaceFiles([classifierFile(path, classifier)]);
}

/**
 * A classifier's file, to be written together with others.
 *
 * @throws {SpindleError} If its parts do not fit together.
 */
export function classifierFile(path: string, classifier: Classifier): NewFile {
  const misfit = misfitOf(classifier);
  if (misfit !== undefined) {
    throw new SpindleError(`Cannot save a classifier to "${path}" as ${misfit}`);
  }
  const { coef, intercept, neurons, ...rest } = classifier;
  const K = intercept.length;
  const tensors = new Map<string, TensorData>([
    ["coef", { dtype: "F32", shape: [K, coef.length / K], data: coef }],
    ["intercept", { dtype: "F32", shape: [K], data: intercept }],
    ...neurons.map(({ state, indices }): [string, TensorData] => [
      `neurons.${state}`,
      { dtype: "I32", shape: [indices.length], data: new Int32Array(indices) },
    ]),
  ]);
  const states = neurons.map(({ state }) => state);
  const description = JSON.stringify({ ...rest, states });
  return safetensorsFile(path, tensors, { format, classifier: description });
}

/**
 * Reads a classifier that `spindle run` or {@linkcode saveClassifier} wrote.
 *
 * @param path The safetensors file.
 * @returns The classifier.
 * @throws {SpindleError} If the file is not a classifier, or not whole.
 */
export function loadClassifier(path: string): Classifier {
  using file = openSafetensors(path);
  const text = file.metadata.get("classifier");
  if (file.metadata.get("format") !== format || text === undefined) {
    throw new SpindleError(
      `Cannot use "${path}" as a classifier: it was not written by "spindle run"`,
    );
  }
  const refuse = (reason: string) =>
    new SpindleError(
      `Cannot use "${path}" as a classifier as ${reason}: run "spindle run" again`,
    );
  const description = parsedOrUndefined(text);
  if (!isDescription(description)) throw refuse("its description is broken");
  const { states, ...rest } = description;
  const classifier: Classifier = {
    ...rest,
    neurons: states.map((state) => ({
      state,
      indices: new Uint32Array(readIntegers(file, `neurons.${state}`)),
    })),
    coef: readFloats(file, "coef"),
    intercept: readFloats(file, "intercept"),
  };
  const misfit = misfitOf(classifier);
  if (misfit !== undefined) throw refuse(misfit);
  return classifier;
}

/** What a classifier's file says of it beside its tensors. */
type Description = Omit<Classifier, "coef" | "intercept" | "neurons"> & {
  readonly states: readonly string[];
};

/** Whether it can be made a classifier, whose parts are then looked at. */
function isDescription(value: unknown): value is Description {
  return isJsonObject(value) && Array.isArray(value.states) &&
    value.states.every((state) => typeof state === "string");
}

/**
 * Classifies texts, running only the blocks of the model that the classifier's states need. The
 * first call with a model's files hashes them, to see that they are those that the classifier was
 * made from, unless {@linkcode loadClassifierModel} loaded them.
 *
 * @param classifier The classifier.
 * @param model The model it was made from.
 * @param texts The texts; an empty one is its special tokens.
 * @param options Who is told of texts that were cut.
 * @returns A prediction a text.
 * @throws {SpindleError} If the classifier's parts do not fit together, the model is another, lacks
 * a neuron or its files changed before they were hashed, a neuron's state is not finite, or a text
 * has no tokens.
 */
export async function classify(
  classifier: Classifier,
  model: Model,
  texts: readonly string[],
  options: ClassifyOptions = {},
): Promise<Prediction[]> {
  const rows = await readNeurons(classifier, model, texts, options);
  return rows.map((values) => predict(classifier, logitsOf(classifier, values)));
}

/** The logit of each regression, given the values of the neurons in the classifier's order. */
function logitsOf({ coef, intercept }: Classifier, values: Float32Array): Float64Array {
  return Float64Array.from(
    intercept,
    (shift, k) =>
      values.reduce((sum, value, i) => sum + coef[k * values.length + i]! * value, shift),
  );
}

/** What logits, one a regression, say of a text. */
export function predict({ classes }: Classifier, logits: ArrayLike<number>): Prediction {
  const each = probabilities(logits);
  const best = predictClasses(logits, logits.length)[0]!;
  return {
    label: classes[best]!,
    probability: each[best]!,
    probabilities: Object.fromEntries(classes.map((name, c) => [name, each[c]!])),
  };
}
