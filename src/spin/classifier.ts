import type { Metric } from "../data/registry.ts";
import {
  openSafetensors,
  readFloats,
  readIntegers,
  writeSafetensors,
} from "../formats/safetensors.ts";
import type { TensorData } from "../formats/safetensors.ts";
import type { Model } from "../model/model.ts";
import { type Pool, pools } from "../ops/pool.ts";
import { SpindleError } from "../util.ts";
import { predictClasses } from "../probe/fit.ts";
import { probabilities } from "./metrics.ts";

/** A text classifier made of selected neurons and one logistic regression. */
export interface Classifier {
  /** The names of the classes. */
  readonly classes: readonly string[];
  /** The model whose neurons it reads. */
  readonly model: { readonly name: string; readonly sha256: string; readonly folder: string };
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
  /** The class with the highest probability. */
  readonly label: string;
  /** The probability of that label. */
  readonly probability: number;
  /** By class. */
  readonly probabilities: Readonly<Record<string, number>>;
}

const format = "spindle-classifier-1";

/** Writes a classifier as one safetensors file that describes itself. */
export function saveClassifier(path: string, classifier: Classifier): void {
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
  writeSafetensors(path, tensors, { format, classifier: JSON.stringify({ ...rest, states }) });
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
  const { states, ...rest } = JSON.parse(text) as
    & Omit<Classifier, "coef" | "intercept" | "neurons">
    & { states: string[] };
  const classifier: Classifier = {
    ...rest,
    neurons: states.map((state) => ({
      state,
      indices: new Uint32Array(readIntegers(file, `neurons.${state}`)),
    })),
    coef: readFloats(file, "coef"),
    intercept: readFloats(file, "intercept"),
  };
  const { coef, intercept, classes, pool } = classifier;
  const expected = intercept.length * countNeurons(classifier);
  const outputs = classes.length === 2 ? 1 : classes.length;
  if (coef.length !== expected || intercept.length !== outputs || !pools.includes(pool)) {
    throw new SpindleError(`Cannot use "${path}" as a classifier: its parts do not fit together`);
  }
  return classifier;
}

/** How many neurons a classifier reads. */
export function countNeurons({ neurons }: Pick<Classifier, "neurons">): number {
  return neurons.reduce((sum, { indices }) => sum + indices.length, 0);
}

/**
 * Classifies texts, running only the blocks of the model that the classifier's states need.
 *
 * @param classifier The classifier.
 * @param model The model it was made from.
 * @param texts The texts; an empty one is its special tokens.
 * @returns A prediction a text.
 * @throws {SpindleError} If the model lacks a state or a text has no tokens.
 */
export async function classify(
  classifier: Classifier,
  model: Model,
  texts: readonly string[],
): Promise<Prediction[]> {
  const { pool, neurons, coef, intercept, classes } = classifier;
  const states = neurons.map(({ state }) => state);
  const captured = await model.capture(model.tokenize(texts), { states, pools: [pool] });
  const columns = neurons.map(({ state, indices }) => {
    const { width, values } = captured.states.get(state)!;
    return { width, indices, values: values[pool]! };
  });
  const count = countNeurons(classifier);
  return texts.map((_, row) => {
    const logits = Float32Array.from(intercept);
    let at = 0;
    for (const { width, indices, values } of columns) {
      for (const index of indices) {
        const value = values[row * width + index]!;
        for (let k = 0; k < logits.length; k++) logits[k]! += coef[k * count + at]! * value;
        at++;
      }
    }
    const each = probabilities(logits);
    const best = predictClasses(logits, logits.length)[0]!;
    return {
      label: classes[best]!,
      probability: each[best]!,
      probabilities: Object.fromEntries(classes.map((name, c) => [name, each[c]!])),
    };
  });
}
