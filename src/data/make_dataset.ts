import { countOf, requireList, requireOneOf, SpindleError } from "../util.ts";
import { bySplit, type Dataset, digest, type Split } from "./dataset.ts";
import { type Metric, metrics } from "./registry.ts";

/** What {@linkcode makeDataset} makes a data set of. */
export interface DatasetContent {
  /** Its name. */
  readonly name: string;
  /** How predictions are scored; default accuracy. */
  readonly metric?: Metric | undefined;
  /** The names of the classes. */
  readonly classes: readonly string[];
  /** What classifiers are fitted on: texts of every class. */
  readonly train: LabelledTexts;
  /** What the best of them is chosen by. */
  readonly validation: LabelledTexts;
  /** What they are tested on. */
  readonly test: LabelledTexts;
}

/** Texts with the class of each. */
export interface LabelledTexts {
  /** The texts. */
  readonly texts: readonly string[];
  /** The class of each text, as an index into the classes. */
  readonly labels: ArrayLike<number>;
}

/**
 * Makes a data set of texts and labels that are at hand, or of parts of another data set.
 *
 * @param content Its classes, and the texts of each split; they are copied.
 * @returns The data set.
 * @throws {SpindleError} If there is no such metric, there are not two different classes or more, a
 * split has no texts, not as many labels or a label that names no class, or no text to train on is
 * of a class.
 *
 * @example
 * ```ts
 * import { makeDataset } from "spindle";
 *
 * const texts = ["a fine film", "a waste of time"];
 * const split = { texts, labels: [1, 0] };
 * const classes = ["bad", "good"];
 * makeDataset({ name: "films", classes, train: split, validation: split, test: split });
 * ```
 */
export function makeDataset(content: DatasetContent): Dataset {
  const { name, metric = "accuracy" } = content;
  requireOneOf("the metric", metric, metrics);
  const refuse = (reason: string) =>
    new SpindleError(`Cannot use the data set "${name}" as ${reason}`);
  requireList("the classes", content.classes);
  const classes = [...content.classes];
  const areTexts = classes.every((each) => typeof each === "string");
  if (!areTexts || classes.length < 2 || new Set(classes).size < classes.length) {
    throw refuse(
      `its classes are ${Deno.inspect(classes)}: two different texts or more are needed`,
    );
  }
  const splits = bySplit((split): Split => {
    const { texts, labels }: LabelledTexts = Object(content[split]);
    requireList(`the texts of the ${split} split`, texts);
    requireList(`the labels of the ${split} split`, labels);
    const misfit = misfitOf(texts, labels, classes.length);
    if (misfit !== undefined) throw refuse(`its ${split} split has ${misfit}`);
    return { texts: [...texts], labels: Int32Array.from(labels) };
  });
  const absent = classes.find((_, c) => !splits.train.labels.includes(c));
  if (absent !== undefined) {
    throw refuse(`no text to train on is of its class "${absent}": give some, or leave it out`);
  }
  return { name, metric, classes, ...splits, sha256: digest({ classes, ...splits }) };
}

/** What of a split is not as it should be, and what to do; undefined where nothing is. */
function misfitOf(
  texts: readonly string[],
  labels: ArrayLike<number>,
  classes: number,
): string | undefined {
  if (texts.length === 0) return "no texts: give some";
  const odd = texts.findIndex((text) => typeof text !== "string");
  if (odd >= 0) return `${texts[odd]} for text ${odd + 1}: give strings`;
  if (labels.length !== texts.length) {
    return `${countOf(texts.length, "text")} and ${countOf(labels.length, "label")}: give a ` +
      "label for each text";
  }
  const isClass = (label: number) => Number.isInteger(label) && label >= 0 && label < classes;
  const wrong = Array.from(labels).findIndex((label) => !isClass(label));
  if (wrong < 0) return undefined;
  return `the label ${labels[wrong]} for text ${wrong + 1}: give whole numbers from 0 to ` +
    `${classes - 1}, which name its classes`;
}

/** Copies that {@linkcode copyDataset} made: no caller holds them, so that they stay the same. */
const copies = new WeakSet<Dataset>();

/**
 * Copies a data set, for work during which the caller may write to it. A copy that stages hand on
 * is given back as it is: its texts are hashed once, not by every stage.
 *
 * @throws {SpindleError} If it is none that `makeDataset` makes, or its texts or labels are not
 * those that its digest is of: features of others would be taken for its own.
 */
export function copyDataset(dataset: Dataset): Dataset {
  if (copies.has(dataset)) return dataset;
  const made = makeDataset(dataset);
  if (made.sha256 !== dataset.sha256) {
    throw new SpindleError(
      `Cannot use the data set "${dataset.name}" as its sha256 is not that of its classes, texts ` +
        "and labels: make it with makeDataset",
    );
  }
  const splits = bySplit((name) => ({ ...dataset[name], ...made[name] }));
  const copy = { ...dataset, ...made, ...splits };
  copies.add(copy);
  return copy;
}
