import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import {
  fileFailure,
  type NewFile,
  replaceFiles,
  requireWritable,
  writeAll,
} from "../formats/files.ts";
import { SpindleError } from "../util.ts";
import { countNeurons } from "./select.ts";
import { classifierFile } from "./classifier.ts";
import type { Experiment, Results } from "./experiment.ts";

/**
 * Writes what an experiment made to a folder: `classifier.safetensors`, `results.json` and a table
 * of all probes and of all heads. The same experiment gives the same bytes; what its stages took is
 * not part of them.
 *
 * @returns The path of the classifier.
 * @throws {SpindleError} If the folder cannot be written.
 */
export function saveExperiment(folder: string, experiment: Experiment): string {
  try {
    Deno.mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new SpindleError(
      `Cannot write results to "${folder}" as ${fileFailure(error)}, or choose another folder`,
      { cause: error },
    );
  }
  const classifier = join(folder, "classifier.safetensors");
  replaceFiles([
    classifierFile(classifier, experiment.classifier),
    textFile(join(folder, "probes.tsv"), probeTable(experiment)),
    textFile(join(folder, "heads.tsv"), headTable(experiment)),
    textFile(
      join(folder, "results.json"),
      JSON.stringify(timeless(experiment.results), undefined, 2),
    ),
  ]);
  return classifier;
}

/**
 * Makes sure that a folder can hold an experiment's results, before the work; it is not made yet.
 *
 * @throws {SpindleError} If it cannot be made or written to.
 */
export function requireResultFolder(folder: string): void {
  let existing = resolve(folder);
  while (!existsSync(existing)) existing = dirname(existing);
  if (!Deno.statSync(existing).isDirectory) {
    throw new SpindleError(
      `Cannot write results to "${folder}" as "${existing}" is not a folder: choose another one`,
    );
  }
  requireWritable(join(existing, "classifier.safetensors"));
}

function timeless({ seconds: _, tokensPerSecond: __, ...results }: Results) {
  return results;
}

function probeTable({ probes }: Experiment): string {
  const rows = probes.flatMap(({ state, pool, probes }) =>
    probes.map(({ C, validation, test, nonzeros, gap, nIter, converged }) => [
      state.name,
      pool,
      C,
      validation,
      test,
      nonzeros,
      gap,
      nIter,
      converged,
    ])
  );
  return table(
    ["state", "pool", "C", "validation", "test", "nonzeros", "gap", "nIter", "converged"],
    rows,
  );
}

function headTable({ heads }: Experiment): string {
  const rows = heads.map((head) => {
    const { site, pool, eta, layers, C, validation, test, nonzeros, gap, nIter, converged } = head;
    return [
      site,
      pool,
      eta,
      layers,
      countNeurons(head),
      C,
      validation,
      test,
      nonzeros,
      gap,
      nIter,
      converged,
    ];
  });
  return table(
    [
      "site",
      "pool",
      "eta",
      "layers",
      "neurons",
      "C",
      "validation",
      "test",
      "nonzeros",
      "gap",
      "nIter",
      "converged",
    ],
    rows,
  );
}

function table(header: readonly string[], rows: readonly (readonly unknown[])[]): string {
  return [header, ...rows].map((row) => row.join("\t")).join("\n");
}

function textFile(path: string, text: string): NewFile {
  return { path, write: (file) => writeAll(file, new TextEncoder().encode(text + "\n")) };
}
