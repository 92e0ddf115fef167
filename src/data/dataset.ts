import { createHash } from "node:crypto";
import { basename, resolve } from "node:path";
import { bundledPath } from "../bundled.ts";
import { type Random, seededRandom } from "../random.ts";
import { countOf, requireOneOf, SpindleError, UsageError } from "../util.ts";
import { defaultColumns, type LabelledText, readLabelledFile } from "./labelled_file.ts";
import { findDataset, type Metric, metrics } from "./registry.ts";
import { chooseHeldOut, largestSeed, stratifiedOrder } from "./split.ts";

/** The parts of a data set. */
export const splitNames = ["train", "validation", "test"] as const;

/** A part of a data set. */
export type SplitName = typeof splitNames[number];

/** What is made for each split. */
export function bySplit<T>(make: (split: SplitName) => T): Record<SplitName, T> {
  return { train: make("train"), validation: make("validation"), test: make("test") };
}

/** Labelled texts for one purpose. */
export interface Split {
  /** The texts, in the order of their file. */
  readonly texts: readonly string[];
  /** The class of each text, as an index into the data set's classes. */
  readonly labels: Int32Array;
  /** Where they stand; not there where they were not read from a file. */
  readonly places?: TextPlaces;
}

/** Where texts stand. */
export interface TextPlaces {
  /** The file, by the path that was given. */
  readonly path: string;
  /** The line at which the row of each text begins, from 1. */
  readonly lines: Int32Array;
}

/** Labelled texts to fit, choose and test classifiers with. */
export interface Dataset {
  /** Its name: that of a bundled one, or of the file to train on. */
  readonly name: string;
  /** How predictions are scored. */
  readonly metric: Metric;
  /** The names of the classes, numbers in the order of their values, other names by code unit. */
  readonly classes: readonly string[];
  /** What classifiers are fitted on. */
  readonly train: Split;
  /** What the best of them is chosen by. */
  readonly validation: Split;
  /** What they are tested on: no choice looks at it. */
  readonly test: Split;
  /**
   * The SHA-256 of the classes, texts and labels of all splits, in hexadecimal: `makeDataset` makes
   * it anew where these change.
   */
  readonly sha256: string;
  /** How it was loaded; not there where it was made otherwise. */
  readonly origin?: DatasetOrigin;
}

/** What {@linkcode loadDataset} was given, to give it again. */
export interface DatasetOrigin {
  /** The bundled data set's name, or the absolute paths of the files, and their columns. */
  readonly source: { readonly name: string } | DatasetFiles;
  /** Where the chance that held texts out and limited them began. */
  readonly seed: number;
  /** The most texts of each split; all where not given. */
  readonly limit?: number;
}

/** Files of labelled texts; see {@linkcode loadDataset}. */
export interface DatasetFiles {
  /** The file to train on. */
  readonly train: string;
  /** The file to choose by; held out of `train` where not given. */
  readonly validation?: string | undefined;
  /** The file to test on; held out of `train` where not given. */
  readonly test?: string | undefined;
  /** The column of the texts, "text" where not given. */
  readonly text?: string | undefined;
  /** The column of the labels, "label" where not given. */
  readonly label?: string | undefined;
}

/** What of a data set to take. */
export interface DatasetOptions {
  /** The most texts to take of each split, the classes in their shares; all where not given. */
  readonly limit?: number | undefined;
  /** Where the chance that holds texts out and limits begins, below 2^32; 0 where not given. */
  readonly seed?: number | undefined;
  /** How predictions are scored; where not given as is usual for a bundled one, else accuracy. */
  readonly metric?: Metric | undefined;
}

/** A file and what it holds. */
interface LabelledFile {
  readonly path: string;
  readonly rows: LabelledText[];
}

/** A split whose texts were read from a file. */
type FileSplit = Required<Split>;

interface LabelledFiles {
  readonly train: LabelledFile;
  readonly validation: LabelledFile | undefined;
  readonly test: LabelledFile | undefined;
}

const HELD_OUT_SHARE = 0.1;

/**
 * Loads a bundled data set by its name, or labelled texts from files of comma-separated values
 * (.csv), tab-separated values (.tsv) or JSON lines (.jsonl), each also packed (.gz).
 *
 * Where no test file is given, a tenth of the training texts, seeded and with the classes in their
 * shares, is held out to test on; where no validation file is given, a tenth of those that remain
 * is held out to choose by. Rows of the same text are held out together or not at all; those of
 * separate files stay where they are.
 *
 * @param source The bundled data set's name, or the files and their columns.
 * @param options How many texts to take, the seed, and the metric.
 * @returns The data set.
 * @throws {SpindleError} Where there is no bundled data set or metric of that name, the seed or the
 * limit is no whole number or out of bounds (2^32 for the seed, a text a class for the limit), both
 * columns are the same, a file cannot be read, a row is not as it should be, or the training texts
 * have fewer than two classes, lack a class of another split, or are too few to hold some out.
 */
export async function loadDataset(
  source: { readonly name: string } | DatasetFiles,
  options: DatasetOptions = {},
): Promise<Dataset> {
  const { limit, seed = 0, metric } = options;
  if (metric !== undefined) requireOneOf("the metric", metric, metrics);
  if (!Number.isInteger(seed) || seed < 0 || seed > largestSeed) {
    throw new SpindleError(
      `Cannot hold texts out by the seed ${seed}: a whole number from 0 to ${largestSeed} is needed`,
    );
  }
  const given: typeof source = Object(source); // a caller without types may pass a name itself
  const { name, metric: usual, files } = "name" in given
    ? await readBundled(given.name)
    : await readFiles(given);
  const classes = classesOf(files.train);
  if (limit !== undefined) checkLimit(limit, classes);
  const random = seededRandom(seed);
  const shorten = (split: FileSplit) =>
    limit === undefined
      ? split
      : select(split, stratifiedOrder(split.labels, random).slice(0, limit));
  const whole = splitFiles(files, classes, random);
  const splits = bySplit((split) => shorten(whole[split]));
  return {
    name,
    metric: metric ?? usual,
    classes,
    ...splits,
    sha256: digest({ classes, ...splits }),
    origin: { source: withAbsolutePaths(given), seed, ...(limit !== undefined && { limit }) },
  };
}

function withAbsolutePaths(source: DatasetOrigin["source"]): DatasetOrigin["source"] {
  if ("name" in source) return { ...source };
  const { train, validation, test, ...columns } = source;
  return {
    train: resolve(train),
    ...(validation !== undefined && { validation: resolve(validation) }),
    ...(test !== undefined && { test: resolve(test) }),
    ...columns,
  };
}

async function readBundled(name: string) {
  const { metric, files, classNames } = findDataset(name);
  const read = async (file: string): Promise<LabelledFile> => {
    const path = bundledPath(`datasets/${file}`);
    const rows = await readLabelledFile(path, defaultColumns);
    return {
      path,
      rows: rows.map((row) => ({ ...row, label: classNames.get(row.label) ?? row.label })),
    };
  };
  const [train, validation, test] = await Promise.all(
    [files.train, files.validation, files.test].map(read),
  ) as [LabelledFile, LabelledFile, LabelledFile];
  return { name, metric, files: { train, validation, test } };
}

async function readFiles(
  { train, validation, test, text = defaultColumns.text, label = defaultColumns.label }:
    DatasetFiles,
) {
  if (text === label) {
    throw new UsageError(
      `Cannot use the column "${text}" for both text (--text) and label (--label): name two columns`,
    );
  }
  const read = async (path: string): Promise<LabelledFile> => {
    if (typeof path !== "string") {
      throw new SpindleError(
        `Cannot load a data set from the file ${path}: give its path, or the name of a bundled one`,
      );
    }
    return { path, rows: await readLabelledFile(path, { text, label }) };
  };
  const files: LabelledFiles = {
    train: await read(train),
    validation: validation === undefined ? undefined : await read(validation),
    test: test === undefined ? undefined : await read(test),
  };
  const metric: Metric = "accuracy";
  return { name: nameOf(train), metric, files };
}

/** The name of a file without its endings, or where it is nothing else, with them. */
function nameOf(path: string): string {
  return basename(path).replace(/(?<=.)\.[a-z]+(\.gz)?$/i, "");
}

/** The labels of the training texts, each once. */
function classesOf({ path, rows }: LabelledFile): string[] {
  const classes = [...new Set(rows.map(({ label }) => label))];
  if (classes.length < 2) {
    throw new SpindleError(
      `Cannot classify with "${path}" as every row has the label "${classes[0]}": ` +
        `two classes or more are needed`,
    );
  }
  const areNumbers = classes.every((label) => /^[+-]?\d+(\.\d+)?$/.test(label));
  return areNumbers ? classes.sort((a, b) => Number(a) - Number(b)) : classes.sort();
}

function checkLimit(limit: number, classes: string[]): void {
  if (Number.isSafeInteger(limit) && limit >= classes.length) return;
  throw new SpindleError(
    `Cannot limit a data set to ${countOf(limit, "text")}: a whole number is needed, at least ` +
      `${classes.length}, one text for each class`,
  );
}

/** The splits that have files, and those that are held out of the training texts. */
function splitFiles(files: LabelledFiles, classes: string[], random: Random) {
  const indices = new Map(classes.map((label, index) => [label, index]));
  let train = encodeLabels(files.train, indices);
  const readOrHoldOut = (file: LabelledFile | undefined): FileSplit => {
    if (file !== undefined) return encodeLabels(file, indices);
    const whole = train;
    const heldOut = chooseHeldOut(whole, HELD_OUT_SHARE, random);
    if (heldOut.size === 0) {
      const { path, rows } = files.train;
      throw new SpindleError(
        `Cannot hold texts out of the ${rows.length} of "${path}" as too few different ones ` +
          "remain to train on: give more, or files to validate and test on",
      );
    }
    train = select(whole, whole.texts.keys().filter((row) => !heldOut.has(row)));
    return select(whole, heldOut);
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
function select({ texts, labels, places }: FileSplit, chosen: Iterable<number>): FileSplit {
  const rows = [...chosen].sort((a, b) => a - b);
  const { path, lines } = places;
  return {
    texts: rows.map((row) => texts[row]!),
    labels: Int32Array.from(rows, (row) => labels[row]!),
    places: { path, lines: Int32Array.from(rows, (row) => lines[row]!) },
  };
}

/** The SHA-256 of the classes, texts and labels of all splits. */
export function digest(content: Pick<Dataset, "classes" | SplitName>): string {
  const hash = createHash("sha256").update(JSON.stringify(content.classes));
  for (const name of splitNames) {
    const { texts, labels } = content[name];
    hash.update(`\n${name} ${texts.length}\n`);
    // JSON keeps texts apart whatever they hold, line ends too.
    texts.forEach((text, i) => hash.update(`${labels[i]} ${JSON.stringify(text)}\n`));
  }
  return hash.digest("hex");
}
