import type { Model } from "../model/model.ts";
import type { Classifier } from "./classifier.ts";
import { logitsOf, predict, type Prediction } from "./classify.ts";
import { type ClassifyOptions, placesOf, readNeurons } from "./read_neurons.ts";

/** What a classifier says of a text, and what each neuron had to do with it. */
export interface Explanation extends Prediction {
  /**
   * `[K]`: intercepts plus contributions, from which the probabilities come; K is 1 for two
   * classes, where a positive logit speaks for the second.
   */
  readonly logits: readonly number[];
  /** The neurons in the classifier's order. */
  readonly neurons: readonly ExplainedNeuron[];
}

/** What a neuron had to do with a text's class. */
export interface ExplainedNeuron {
  /** The state that it is of. */
  readonly state: string;
  /** Its index there. */
  readonly index: number;
  /** Its value for the text. */
  readonly value: number;
  /** `[K]`: its weight for each logit. */
  readonly weights: readonly number[];
  /** `[K]`: its weight times its value, which is what it adds to each logit. */
  readonly contributions: readonly number[];
}

/**
 * Classifies texts as {@linkcode classify} does, and tells what each neuron contributes.
 *
 * @param classifier The classifier.
 * @param model The model it was made from.
 * @param texts The texts; an empty one is its special tokens.
 * @param options Who is told of texts that were cut, and what ends the work early.
 * @returns An explanation a text.
 * @throws {SpindleError} As {@linkcode classify} does.
 */
export async function explain(
  classifier: Classifier,
  model: Model,
  texts: readonly string[],
  options: ClassifyOptions = {},
): Promise<Explanation[]> {
  const { classifier: own, rows } = await readNeurons(classifier, model, texts, options);
  const neurons = listNeurons(own);
  return rows.map((values) => {
    const explained = neurons.map((neuron, i) => {
      const value = values[i]!;
      const contributions = neuron.weights.map((weight) => weight * value);
      return { ...neuron, value, contributions };
    });
    const logits = Array.from(logitsOf(own, values));
    return { ...predict(own, logits), logits, neurons: explained };
  });
}

/** The neurons of a classifier in its order, each with its weight for each logit. */
export function listNeurons(
  { neurons, coef, intercept }: Classifier,
): Pick<ExplainedNeuron, "state" | "index" | "weights">[] {
  return placesOf(neurons).map((place, i, { length }) => ({
    ...place,
    weights: Array.from(intercept, (_, k) => coef[k * length + i]!),
  }));
}
