import type { Model } from "../model/model.ts";
import { predictClasses } from "../probe/fit.ts";
import type { Classifier } from "./classifier.ts";
import { probabilities } from "./metrics.ts";
import { type ClassifyOptions, readNeurons } from "./read_neurons.ts";

/** What a classifier says of a text. */
export interface Prediction {
  /** The class with the largest logit, of equals the first; of two the second if it is positive. */
  readonly label: string;
  /** The probability of that label. */
  readonly probability: number;
  /**
   * By class, in the order of the classes; but class names that are whole numbers come first and by
   * their value, as JavaScript orders the properties of objects.
   */
  readonly probabilities: Readonly<Record<string, number>>;
}

/**
 * Classifies texts, running only the blocks of the model that the classifier's states need. The
 * first call with a model's files hashes them, to see that they are those that the classifier was
 * made from, unless {@linkcode loadClassifierModel} loaded them.
 *
 * @param classifier The classifier.
 * @param model The model it was made from; in another float type, numbers differ a little.
 * @param texts The texts; an empty one is its special tokens.
 * @param options Who is told of texts that were cut, and what ends the work early.
 * @returns A prediction a text.
 * @throws {SpindleError} If the classifier's parts do not fit together, the model is another, was
 * disposed, has no tokenizer, lacks a neuron or a block, or its files changed before they were
 * hashed, a neuron's state is not finite, or a text is no string or has no tokens.
 */
export async function classify(
  classifier: Classifier,
  model: Model,
  texts: readonly string[],
  options: ClassifyOptions = {},
): Promise<Prediction[]> {
  const { classifier: own, rows } = await readNeurons(classifier, model, texts, options);
  return rows.map((values) => predict(own, logitsOf(own, values)));
}

/** The logit of each regression, given the values of the neurons in the classifier's order. */
export function logitsOf({ coef, intercept }: Classifier, values: Float32Array): Float64Array {
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
