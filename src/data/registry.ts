import { SpindleError } from "../util.ts";

/** How the predictions for a data set are scored. */
export type Metric = "accuracy" | "macro-f1";

/** Every way to score them. */
export const metrics: readonly Metric[] = ["accuracy", "macro-f1"];

/** A data set that comes with the project. */
interface BundledDataset {
  /** The name to ask for it by. */
  readonly name: string;
  /** The files of its splits, below `datasets/`. */
  readonly files: { readonly train: string; readonly validation: string; readonly test: string };
  /** The class that each label in the files stands for. */
  readonly classNames: ReadonlyMap<string, string>;
  /** How predictions are scored. */
  readonly metric: Metric;
}

/** The data sets that come with the project. */
export const bundledDatasets: readonly BundledDataset[] = [
  {
    name: "mr",
    files: { train: "mr/train.tsv", validation: "mr/validation.tsv", test: "mr/test.tsv" },
    classNames: new Map([["0", "negative"], ["1", "positive"]]),
    metric: "accuracy",
  },
];

/**
 * Finds a bundled data set.
 *
 * @param name Its name.
 * @returns Its entry.
 * @throws {SpindleError} Where there is none of that name.
 */
export function findDataset(name: string): BundledDataset {
  const entry = bundledDatasets.find((dataset) => dataset.name === name);
  if (entry !== undefined) return entry;
  const names = bundledDatasets.map((dataset) => dataset.name).join(", ");
  throw new SpindleError(
    `Cannot find a bundled data set named "${name}": there is ${names}, or give files of your own`,
  );
}
