import type { Metric } from "../data/registry.ts";
import { accuracy } from "../probe/fit.ts";

/** The mean of F1 over classes that are predicted or present, as scikit-learn's macro average. */
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
  const each = Array.from(hits, (hit, c) => 2 * hit / (guesses[c]! + members[c]!));
  // In order of size: a sum in the order of the classes would depend on it in its last digit.
  const told = each.filter((f1) => !Number.isNaN(f1)).sort((a, b) => a - b);
  return told.reduce((sum, f1) => sum + f1, 0) / told.length;
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
  if (logits.length === 1) {
    const logit = logits[0]!;
    return [1 / (1 + Math.exp(logit)), 1 / (1 + Math.exp(-logit))];
  }
  // By logarithms: all may be too small for a number.
  const logs = Array.from(
    logits,
    (logit) => Math.min(logit, 0) - Math.log1p(Math.exp(-Math.abs(logit))),
  );
  const largest = Math.max(...logs);
  const shares = logs.map((log) => Math.exp(log - largest));
  const sum = shares.reduce((total, share) => total + share, 0);
  return shares.map((share) => share / sum);
}
