import type { Random } from "../random.ts";
import { SpindleError } from "../util.ts";
import type { Split, SplitName } from "./dataset.ts";
import type { LabelledText } from "./labelled_file.ts";
import { chooseHeldOut } from "./split.ts";

/** A file and what it holds. */
export interface LabelledFile {
  readonly path: string;
  readonly rows: LabelledText[];
}

/** What is given of a data set: what is not is held out of what is trained on. */
export interface LabelledFiles {
  readonly train: LabelledFile;
  readonly validation: LabelledFile | undefined;
  readonly test: LabelledFile | undefined;
}

/** A split whose texts were read from a file. */
export type FileSplit = Required<Split>;

const heldOutShare = 0.1;

/** The splits that have files, and those that are held out of the training texts. */
export function splitFiles(
  files: LabelledFiles,
  classes: readonly string[],
  random: Random,
): Record<SplitName, FileSplit> {
  const indices = new Map(classes.map((label, index) => [label, index]));
  let train = encodeLabels(files.train, indices);
  const readOrHoldOut = (file: LabelledFile | undefined): FileSplit => {
    if (file !== undefined) return encodeLabels(file, indices);
    const whole = train;
    const heldOut = chooseHeldOut(whole, heldOutShare, random);
    if (heldOut.size === 0) {
      const { path, rows } = files.train;
      throw new SpindleError(
        `Cannot hold texts out of the ${rows.length} of "${path}" as too few different ones ` +
          "remain to train on: give more, or files to validate and test on",
      );
    }
    train = selectRows(whole, whole.texts.keys().filter((row) => !heldOut.has(row)));
    return selectRows(whole, heldOut);
  };
  const test = readOrHoldOut(files.test);
  const validation = readOrHoldOut(files.validation);
  return { train, validation, test };
}

function encodeLabels({ path, rows }: LabelledFile, indices: Map<string, number>): FileSplit {
  const labels = Int32Array.from(rows, ({ label, line }) => {
    const index = indices.get(label);
    if (index !== undefined) return index;
    throw new SpindleError(
      `Cannot use "${path}" as its line ${line} has the label "${label}", which no text to train ` +
        `on has: train on texts of that class too`,
    );
  });
  const lines = Int32Array.from(rows, ({ line }) => line);
  return { texts: rows.map(({ text }) => text), labels, places: { path, lines } };
}

/** Some of a split's rows, in its order. */
export function selectRows(
  { texts, labels, places }: FileSplit,
  chosen: Iterable<number>,
): FileSplit {
  const rows = [...chosen].sort((a, b) => a - b);
  const { path, lines } = places;
  return {
    texts: rows.map((row) => texts[row]!),
    labels: Int32Array.from(rows, (row) => labels[row]!),
    places: { path, lines: Int32Array.from(rows, (row) => lines[row]!) },
  };
}
