import { createHash } from "node:crypto";
import type { Metric } from "./registry.ts";

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
  /** Its name: of {@linkcode loadDataset} that of a bundled one, or of the file to train on. */
  readonly name: string;
  /** How predictions are scored. */
  readonly metric: Metric;
  /**
   * The names of the classes, in the order in which labels count them. {@linkcode loadDataset} puts
   * decimal numbers in the order of their values, other names in that of their code units.
   */
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

/** What `loadDataset` was given, to give it again. */
export interface DatasetOrigin {
  /** The bundled data set's name, or the absolute paths of the files, and their columns. */
  readonly source: { readonly name: string } | DatasetFiles;
  /** Where the chance that held texts out and limited them began. */
  readonly seed: number;
  /** The most texts of each split; all where not given. */
  readonly limit?: number;
}

/** Files of labelled texts; see `loadDataset`. */
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
