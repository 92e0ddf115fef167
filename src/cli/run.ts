import { basename, join, resolve } from "node:path";
import { bundledPath } from "../bundled.ts";
import type { Dataset } from "../data/dataset.ts";
import { defaultColumns } from "../data/labelled_file.ts";
import { loadDataset } from "../data/load_dataset.ts";
import { bundledDatasets, type Metric, metrics } from "../data/registry.ts";
import { largestSeed } from "../data/split.ts";
import { defaultSites } from "../features/extract.ts";
import { defaultFeatureFolder, removalCommand } from "../features/location.ts";
import { precisions } from "../gpu/precision.ts";
import { loadModel } from "../model/load.ts";
import { sites } from "../model/states.ts";
import { pools } from "../ops/pool.ts";
import { runExperiment, type Stage } from "../spin/experiment.ts";
import { defaultIterate, iterates } from "../spin/regressions.ts";
import { prepareResultFolder, saveExperiment } from "../spin/save.ts";
import { requestGpu } from "../tuning/request.ts";
import { megabytes, UsageError } from "../util.ts";
import { noteAbsentClasses } from "./absent_classes_note.ts";
import { defineCommand } from "./command.ts";
import { noteMemory } from "./memory_note.ts";
import { noteOverlap } from "./overlap_note.ts";
import { type Progress, startProgress } from "./progress.ts";
import { resultTable } from "./result_table.ts";
import { requireSameInputs } from "./run_inputs.ts";
import { noteSlowFits } from "./slow_fits_note.ts";
import { escapeControls, note, print } from "./terminal.ts";
import { noteTruncation } from "./truncation_note.ts";

/** `spindle run`. */
export const command = defineCommand({
  name: "run",
  summary: "Find the neurons that know the answer, and make a text classifier from them",
  positionals: {},
  options: {
    model: {
      type: "text",
      value: "FOLDER",
      description:
        'A folder as "hf download NAME --local-dir FOLDER" makes: config.json, safetensors, ' +
        "tokenizer.json; default the bundled model",
    },
    dataset: {
      type: "choice",
      choices: bundledDatasets.map(({ name }) => name),
      description: "A bundled data set; default mr unless --train is given",
    },
    train: {
      type: "text",
      value: "FILE",
      description:
        "Your own data: .csv, .tsv (where quotes mean nothing) or .jsonl, with .gz or without",
    },
    validation: {
      type: "text",
      value: "FILE",
      description: "The file to choose by; default a tenth of what the test set leaves of --train",
    },
    test: {
      type: "text",
      value: "FILE",
      description: "The file to test on; default a tenth of --train, held out of it",
    },
    text: {
      type: "text",
      value: "COLUMN",
      description: `The texts' column; default ${defaultColumns.text}`,
    },
    label: {
      type: "text",
      value: "COLUMN",
      description: `The labels' column; default ${defaultColumns.label}`,
    },
    sites: {
      type: "choices",
      choices: [...sites],
      default: [...defaultSites],
      description: "Where to read neurons",
    },
    pools: {
      type: "choices",
      choices: [...pools],
      description:
        "How to make one vector of a text's tokens; default max, mean and, by the kind of " +
        "model, first (encoder), last (decoder) or both",
    },
    limit: { type: "integer", value: "N", description: "At most so many texts of each split" },
    metric: {
      type: "choice",
      choices: metrics,
      description: "What to choose by; default the data set's, else accuracy",
    },
    iterate: {
      type: "choice",
      choices: iterates,
      default: defaultIterate,
      description: "Which weights of a regression to use: best in validation, or converged",
    },
    weights: {
      type: "choice",
      choices: precisions,
      default: "f32",
      description: "The float type of the weights on the GPU",
    },
    seed: {
      type: "integer",
      minimum: 0,
      maximum: largestSeed,
      value: "N",
      default: 0,
      description: "Seed of the random numbers that hold texts out and limit them",
    },
    out: {
      type: "text",
      value: "FOLDER",
      description: "Where the classifier and the results go; default results/DATASET-MODEL, " +
        "refused where results of other files lie there",
    },
    features: {
      type: "text",
      value: "FOLDER",
      description: "Where features are kept; default spindle/features in the user's cache folder",
    },
    json: { type: "flag", description: "Print one JSON document" },
  },
  example: "run --train reviews.csv --text review --label stars --limit 2000",
  async run(args) {
    const start = performance.now();
    const dataset = await loadData(args);
    const folder = args.model ?? bundledPath("models/all-MiniLM-L6-v2");
    const out = args.out ?? join("results", `${dataset.name}-${basename(resolve(folder))}`);
    const requireOwn = async () => {
      if (args.out === undefined) await requireSameInputs(out, folder, dataset.origin!.source);
    };
    await requireOwn();
    using _results = prepareResultFolder(out);
    noteOverlap(dataset);
    using gpu = await requestGpu();
    note(`Running on ${gpu.adapter.description}${gpu.adapter.software ? " (software)" : ""}`);
    noteMemory(gpu, folder, { weights: args.weights });
    const loading = performance.now();
    using model = await loadModel(gpu, folder, { weights: args.weights });
    const load = (performance.now() - loading) / 1000;
    using stages = showStages();
    const experiment = await runExperiment(model, dataset, {
      sites: args.sites,
      pools: args.pools,
      iterate: args.iterate,
      features: args.features ?? defaultFeatureFolder(),
      onPlan: ({ folder, bytes, missingBytes }) => {
        const size = megabytes(bytes);
        note(escapeControls(
          missingBytes === 0
            ? `Features are there already: ${size} in ${folder}`
            : `Features go to ${folder}, ${size} ("${removalCommand(folder)}" removes them)`,
        ));
      },
      onProgress: stages.update,
    });
    stages.finish();
    await requireOwn(); // another run may have ended meanwhile
    const classifier = saveExperiment(out, experiment);
    const total = (performance.now() - start) / 1000;
    const { results } = experiment;
    noteSlowFits(experiment);
    noteAbsentClasses(dataset);
    noteTruncation(results.truncated, model);
    const complete = {
      ...results,
      seconds: { load, ...results.seconds, total },
      classifier,
    };
    if (args.json) print(JSON.stringify(complete, undefined, 2));
    else print(resultTable(complete));
  },
});

async function loadData(args: {
  readonly dataset: string | undefined;
  readonly train: string | undefined;
  readonly validation: string | undefined;
  readonly test: string | undefined;
  readonly text: string | undefined;
  readonly label: string | undefined;
  readonly limit: number | undefined;
  readonly metric: Metric | undefined;
  readonly seed: number;
}): Promise<Dataset> {
  const { train, validation, test, text, label, limit, seed, metric } = args;
  const own = Object.entries({ validation, test, text, label })
    .filter(([, value]) => value !== undefined);
  if (train === undefined && own.length > 0) {
    throw new UsageError(
      `Cannot use --${own[0]![0]} without --train: pass the file to train on`,
    );
  }
  if (train !== undefined && args.dataset !== undefined) {
    throw new UsageError("Cannot use both --dataset and --train: pass one of them");
  }
  const source = train === undefined
    ? { name: args.dataset ?? "mr" }
    : { train, ...Object.fromEntries(own) };
  return await loadDataset(source, { seed, limit, metric });
}

/** Shows one progress line a stage. */
function showStages() {
  let stage: Stage | undefined;
  let progress: Progress | undefined;
  const finish = () => {
    progress?.finish();
    progress = undefined;
  };
  return {
    update(next: Stage, done: number, total: number) {
      if (next !== stage) {
        finish();
        stage = next;
        progress = startProgress(next, total, unitOf(next));
      }
      progress?.update(done);
    },
    finish,
    [Symbol.dispose]() {
      progress?.[Symbol.dispose]();
    },
  };
}

function unitOf(stage: Stage): string {
  if (stage === "probe") return "probes";
  return stage === "integrate" ? "heads" : "tokens";
}
