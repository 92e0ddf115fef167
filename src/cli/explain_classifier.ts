import { positiveClasses } from "../probe/fit.ts";
import type { Classifier } from "../spin/classifier.ts";
import { listNeurons } from "../spin/explain.ts";
import { countOf } from "../util.ts";
import { alignColumns } from "./columns.ts";
import { escapeControls } from "./terminal.ts";

/**
 * What a classifier is made of.
 *
 * @param top How many of the neurons with the largest weights are told.
 */
export function describeClassifier(classifier: Classifier, top: number) {
  const { neurons, coef: _coef, intercept: _intercept, ...rest } = classifier;
  const logits = positiveClasses(classifier.classes);
  const listed = listNeurons(classifier);
  const strongest = listed.flatMap(({ state, index, weights }) =>
    weights.map((weight, k) => ({ state, index, logit: logits[k]!, weight }))
  ).sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight)).slice(0, top);
  return {
    ...rest,
    neurons: listed.length,
    weighted: listed.filter(({ weights }) => weights.some((weight) => weight !== 0)).length,
    states: neurons.map(({ state, indices }) => ({ state, neurons: indices.length })),
    strongest,
  };
}

/** The same as people read it. */
export function classifierTable(described: ReturnType<typeof describeClassifier>): string {
  const { classes, model, blocksToRun, pool, metric, validation, test } = described;
  const { neurons, weighted, states, strongest } = described;
  const precision = model.weights === "f16" ? "float16" : "float32";
  const all = model.blocks === undefined ? "" : ` of ${model.blocks}`;
  const percent = (score: number) => (100 * score).toFixed(2);
  return [
    ["classes", classes.map(escapeControls).join(", ")],
    [
      "model",
      `${escapeControls(model.name)}, ${precision} weights, SHA-256 ${model.sha256.slice(0, 12)}…`,
    ],
    ...(blocksToRun === undefined ? [] : [["blocks", `runs ${blocksToRun}${all}`]]),
    ["pool", pool],
    ["scores", `${metric} ${percent(validation)} in validation, ${percent(test)} in test, percent`],
    [
      "neurons",
      `${neurons} of ${countOf(states.length, "state")}, ${weighted} with a weight other than 0`,
    ],
  ].map(([name, value]) => `${name!.padEnd(10)}${value}`).concat(
    "",
    alignColumns([
      ["state", "neurons"],
      ...states.map(({ state, neurons }) => [escapeControls(state), `${neurons}`]),
    ], 1),
    "",
    alignColumns([
      ["strongest", "to the logit of", "index", "weight"],
      ...strongest.map(({ state, index, weight, logit }) => [
        escapeControls(state),
        escapeControls(logit),
        `${index}`,
        weight.toPrecision(4),
      ]),
    ], 2),
  ).join("\n");
}
