import { basename, resolve } from "node:path";
import { bundledPath } from "../bundled.ts";
import { seededRandom } from "../random.ts";
import { countOf, requireOneOf, SpindleError, UsageError } from "../util.ts";
import { bySplit, type Dataset, type DatasetFiles, type DatasetOrigin, digest } from "./dataset.ts";
import { defaultColumns, readLabelledFile } from "./labelled_file.ts";
import { findDataset, type Metric, metrics } from "./registry.ts";
import { largestSeed, stratifiedOrder } from "./split.ts";
import {
  type FileSplit,
  type LabelledFile,
  type LabelledFiles,
  selectRows,
  splitFiles,
} from "./split_files.ts";

/** What of a data set to take. */
export interface DatasetOptions {
  /** The most texts to take of each split, the classes in their shares; all where not given. */
  readonly limit?: number | undefined;
  /** Where the chance that holds texts out and limits begins, below 2^32; 0 where not given. */
  readonly seed?: number | undefined;
  /** How predictions are scored; where not given as is usual for a bundled one, else accuracy. */
  readonly metric?: Metric | undefined;
}

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
  if (limit !== undefined) requireLimit(limit, classes);
  const random = seededRandom(seed);
  const shorten = (split: FileSplit) =>
    limit === undefined
      ? split
      : selectRows(split, stratifiedOrder(split.labels, random).slice(0, limit));
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

function requireLimit(limit: number, classes: string[]): void {
  if (Number.isSafeInteger(limit) && limit >= classes.length) return;
  throw new SpindleError(
    `Cannot limit a data set to ${countOf(limit, "text")}: a whole number is needed, at least ` +
      `${classes.length}, one text for each class`,
  );
}
