import { join } from "node:path";
import { requirePath } from "../formats/files.ts";
import { makeFolder } from "../formats/folder.ts";
import { replaceFiles, requireWritable, textFile } from "../formats/replace.ts";
import { classifierFile } from "./classifier_file.ts";
import type { Experiment } from "./experiment.ts";
import type { Regression } from "./regressions.ts";
import type { Results } from "./results.ts";
import { countNeurons } from "./select.ts";

const names = {
  classifier: "classifier.safetensors",
  probes: "probes.tsv",
  heads: "heads.tsv",
  results: "results.json",
};

/**
 * Writes what an experiment made to a folder: `classifier.safetensors`, `results.json` and a table
 * of all probes and of all heads. The same experiment gives the same bytes; what its stages took is
 * not part of them.
 *
 * @returns The path of the classifier.
 * @throws {SpindleError} If the folder cannot be written.
 */
export function saveExperiment(folder: string, experiment: Experiment): string {
  requirePath("the folder of the results", folder);
  using _folder = makeFolder(folder);
  const classifier = join(folder, names.classifier);
  const results = JSON.stringify(timeless(experiment.results), undefined, 2);
  replaceFiles([
    classifierFile(classifier, experiment.classifier),
    textFile(join(folder, names.probes), probeTable(experiment)),
    textFile(join(folder, names.heads), headTable(experiment)),
    textFile(resultsPath(folder), `${results}\n`),
  ]);
  return classifier;
}

/** Where a folder holds the results of an experiment. */
export function resultsPath(folder: string): string {
  return join(folder, names.results);
}

/**
 * Makes the folder for an experiment's results, before the work. What is in it stays as it is.
 *
 * @returns Dispose it after the work: a new folder that holds nothing is then removed.
 * @throws {SpindleError} If it cannot be made, or one of the results not be written there.
 */
export function prepareResultFolder(folder: string): Disposable {
  using onFailure = new DisposableStack();
  onFailure.use(makeFolder(folder));
  for (const name of Object.values(names)) requireWritable(join(folder, name));
  return onFailure.move();
}

function timeless({ seconds: _, tokensPerSecond: __, ...results }: Results) {
  return results;
}

function probeTable({ probes }: Experiment): string {
  return table(
    probes.flatMap(({ state, pool, probes }) =>
      probes.map((probe) => ({ state: state.name, pool, ...scores(probe) }))
    ),
  );
}

function headTable({ heads }: Experiment): string {
  return table(heads.map((head) => {
    const { site, pool, eta, layers } = head;
    return { site, pool, eta, layers, neurons: countNeurons(head), ...scores(head) };
  }));
}

function scores({ C, validation, test, nonzeros, gap, nIter, stop }: Regression) {
  return { C, validation, test, nonzeros, gap, nIter, stop };
}

function table(rows: readonly Readonly<Record<string, unknown>>[]): string {
  return [Object.keys(rows[0]!), ...rows.map(Object.values)]
    .map((row) => `${row.join("\t")}\n`).join("");
}
