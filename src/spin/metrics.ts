import type { Metric } from "../data/registry.ts";
import { accuracy } from "../probe/fit.ts";

/** The mean over the classes of F1, which is 0 for a class that is never predicted nor present. */
export function macroF1(predicted: Int32Array, labels: Int32Array, classes: number): number {
  const hits = new Float64Array(classes);
  const guesses = new Float64Array(classes);
  const members = new Float64Array(classes);
  for (let i = 0; i < labels.length; i++) {
    const guess = predicted[i]!;
    const label = labels[i]!;
    guesses[guess]!++;
    members[label]!++;
    if (guess === label) hits[label]!++;
  }
  return hits.reduce((sum, hit, c) => sum + (hit && 2 * hit / (guesses[c]! + members[c]!)), 0) /
    classes;
}

/** Scores predictions by the metric of a data set. */
export function score(
  metric: Metric,
  predicted: Int32Array,
  labels: Int32Array,
  classes: number,
): number {
  return metric === "accuracy" ? accuracy(predicted, labels) : macroF1(predicted, labels, classes);
}

/** The class that most labels name; of several the first. */
export function majorityClass(labels: Int32Array, classes: number): number {
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) counts[label]!++;
  return counts.indexOf(Math.max(...counts));
}

/**
 * The probability of each class: the logistic function of its logit and, for more than two
 * classes, these divided by their sum, as one-vs-rest regression does.
 */
export function probabilities(logits: ArrayLike<number>): number[] {
  const each = Array.from(logits, (logit) => 1 / (1 + Math.exp(-logit)));
  if (each.length === 1) return [1 - each[0]!, each[0]!];
  const sum = each.reduce((total, p) => total + p, 0);
  return each.map((p) => sum > 0 ? p / sum : 1 / each.length);
}
