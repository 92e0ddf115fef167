import { positiveClasses } from "../probe/fit.ts";
import type { Classifier } from "../spin/classifier.ts";
import type { Explanation } from "../spin/explain.ts";
import { beginningOf, countOf } from "../util.ts";
import { alignColumns } from "./columns.ts";
import { escapeControls } from "./terminal.ts";

/** What a neuron adds to the logit that decided on a label. */
interface Speaker {
  readonly state: string;
  readonly index: number;
  readonly value: number;
  readonly weight: number;
  readonly contribution: number;
}

/**
 * Which neurons decided on a text's label. Contributions and intercept add up to the logit.
 *
 * @param top At most how many neurons for the label are told, and how many against it.
 */
export function describeText(
  text: string,
  { classes, intercept }: Pick<Classifier, "classes" | "intercept">,
  { neurons, logits, ...prediction }: Explanation,
  top: number,
) {
  const label = classes.indexOf(prediction.label);
  const isTwo = intercept.length === 1;
  const k = isTwo ? 0 : label;
  // Of two classes the first is told by a negative logit.
  const sign = isTwo && label === 0 ? -1 : 1;
  const speakers = neurons.map(({ state, index, value, weights, contributions }): Speaker => ({
    state,
    index,
    value,
    weight: weights[k]!,
    contribution: contributions[k]!,
  })).sort((a, b) => sign * (b.contribution - a.contribution));
  const pro = speakers.filter(({ contribution }) => sign * contribution > 0);
  const contra = speakers.filter(({ contribution }) => sign * contribution < 0).reverse();
  const told = [pro.slice(0, top), contra.slice(0, top)] as const;
  const others = new Set(speakers).difference(new Set(told.flat()));
  return {
    text,
    ...prediction,
    for: told[0],
    against: told[1],
    others: {
      neurons: others.size,
      contribution: [...others].reduce((sum, { contribution }) => sum + contribution, 0),
    },
    intercept: intercept[k]!,
    logit: logits[k]!,
    logitOf: positiveClasses(classes)[k]!,
  };
}

/** The same as people read it. */
export function textTable(described: ReturnType<typeof describeText>): string {
  const { text, others, intercept, logit } = described;
  const [label, logitOf] = [described.label, described.logitOf].map(escapeControls);
  const sum = (name: string, value: number) => [name, "", "", "", signed(value)];
  return [
    `${label}  ${described.probability.toFixed(4)}  ${escapeControls(beginningOf(text, 60))}`,
    "",
    ...alignColumns([
      [`for ${label}`, "index", "value", "weight", "contribution"],
      ...described.for.map(speakerRow),
      [`against ${label}`, "", "", "", ""],
      ...described.against.map(speakerRow),
      sum(countOf(others.neurons, "other"), others.contribution),
      sum("intercept", intercept),
      sum(`logit of ${logitOf}`, logit),
    ], 1),
  ].join("\n");
}

function speakerRow({ state, index, value, weight, contribution }: Speaker): string[] {
  return [
    `  ${escapeControls(state)}`,
    `${index}`,
    value.toPrecision(4),
    weight.toPrecision(4),
    signed(contribution),
  ];
}

function signed(value: number): string {
  return `${value < 0 ? "" : "+"}${value.toFixed(4)}`;
}
