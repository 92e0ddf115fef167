import assert from "node:assert/strict";
import { join } from "node:path";
import config from "../../deno.json" with { type: "json" };
import { bySplit, type Dataset, type SplitName } from "../../src/data/dataset.ts";
import { loadDataset } from "../../src/data/load_dataset.ts";
import { makeDataset } from "../../src/data/make_dataset.ts";
import { exists } from "../../src/formats/files.ts";
import { defaultPools } from "../../src/model/default_pools.ts";
import { accuracy } from "../../src/probe/fit.ts";
import { loadClassifier } from "../../src/spin/classifier_file.ts";
import { classify } from "../../src/spin/classify.ts";
import { type Experiment, runExperiment } from "../../src/spin/experiment.ts";
import type { Results } from "../../src/spin/results.ts";
import { macroF1 } from "../../src/spin/metrics.ts";
import { saveExperiment } from "../../src/spin/save.ts";
import { countNeurons } from "../../src/spin/select.ts";
import { letterTexts, withTextModel } from "../model/text_model.ts";

const classes = ["bad", "fair", "good"];

/** Texts of three classes, of which the test split has another majority than the others. */
function letters(): Dataset {
  const shares = { train: [0, 1, 2, 1], validation: [0, 1, 2, 1], test: [0, 1, 2, 2] };
  const seeds = { train: 1, validation: 2, test: 3 };
  const split = (name: SplitName) => {
    const labels = Array.from({ length: 60 }, (_, i) => shares[name][i % 4]!);
    return { texts: letterTexts(labels, 3, seeds[name]), labels };
  };
  return makeDataset({ name: "letters", metric: "macro-f1", classes, ...bySplit(split) });
}

/** The rows of a table, by the names of its columns. */
function readTable(path: string): Record<string, string>[] {
  const [header, ...rows] = Deno.readTextFileSync(path).trimEnd().split("\n")
    .map((line) => line.split("\t"));
  return rows.map((row) => Object.fromEntries(header!.map((name, i) => [name, row[i]!])));
}

function checkTables(folder: string, { heads, probes, results }: Experiment): void {
  const scores = ["C", "validation", "test", "nonzeros", "gap", "nIter", "stop"] as const;
  const rows = readTable(join(folder, "heads.tsv"));
  const chosen = Object.entries(results.spin).map(([name, value]) => [name, `${value}`]);
  assert.ok(rows.some((row) => chosen.every(([name, value]) => row[name!] === value)));
  assert.deepEqual(
    rows,
    heads.map((each) => ({
      site: each.site,
      pool: each.pool,
      eta: `${each.eta}`,
      layers: `${each.layers}`,
      neurons: `${countNeurons(each)}`,
      ...Object.fromEntries(scores.map((name) => [name, `${each[name]}`])),
    })),
  );
  assert.deepEqual(
    readTable(join(folder, "probes.tsv")),
    probes.flatMap(({ state, pool, probes }) =>
      probes.map((each) => ({
        state: state.name,
        pool,
        ...Object.fromEntries(scores.map((name) => [name, `${each[name]}`])),
      }))
    ),
  );
}

Deno.test("the classifier that an experiment saves scores on the test texts what is reported", () =>
  withTextModel({}, async (model, folder) => {
    const dataset = letters();
    const experiment = await runExperiment(model, dataset, {
      sites: ["hidden", "activation"],
      pools: ["mean", "last"],
      features: join(folder, "features"),
    });
    const { results } = experiment;
    const classifier = loadClassifier(saveExperiment(join(folder, "out"), experiment));
    for (const split of ["validation", "test"] as const) {
      const { texts, labels } = dataset[split];
      const found = await classify(classifier, model, texts);
      const predicted = Int32Array.from(found, ({ label }) => classes.indexOf(label));
      assert.equal(results.spin[split], macroF1(predicted, labels, 3));
      assert.equal(classifier[split], results.spin[split]);
      assert.ok(accuracy(predicted, labels) > 0.6);
      const majority = new Int32Array(labels.length).fill(1);
      assert.equal(results.majority[split], macroF1(majority, labels, 3));
    }
    assert.equal(results.dataset.origin, null);
    const ofSite = model.states([results.spin.site]);
    assert.equal(results.neuronsOfSite, ofSite.reduce((sum, { width }) => sum + width, 0));
    checkTables(join(folder, "out"), experiment);
  }));

Deno.test("results.json holds what it takes to repeat an experiment", () =>
  withTextModel({ weights: "f16" }, async (model, folder) => {
    const train = join(folder, "train.jsonl");
    const labels = Array.from({ length: 120 }, (_, i) => i % 3);
    const rows = letterTexts(labels, 3).map((body, i) => ({ body, label: classes[labels[i]!] }));
    Deno.writeTextFileSync(train, rows.map((row) => JSON.stringify(row)).join("\n"));
    const source = { train, text: "body" };
    const dataset = await loadDataset(source, { seed: 5, limit: 60 });
    const out = join(folder, "out");
    const features = join(folder, "features");
    const choices = { iterate: "converged", tolerance: 1e-2, maxIterations: 30 } as const;
    const grid = { C: [10, 0.5, 10], etas: [0.5, 0.2, 0.5] };
    const options = { sites: ["neuron"], pools: ["max"], features, ...grid } as const;
    saveExperiment(out, await runExperiment(model, dataset, { ...options, ...choices }));

    const text = Deno.readTextFileSync(join(out, "results.json"));
    const results: Results = JSON.parse(text);
    const { version, sites, pools, C, etas } = results;
    const { probes, heads, converged, worstGap, ...solver } = results.solver;
    assert.deepEqual(results.dataset.origin, { source, seed: 5, limit: 60 });
    assert.deepEqual([version, results.model.weights], [config.version, "f16"]);
    assert.deepEqual([sites, pools, C, etas], [["neuron"], ["max"], [0.5, 10], [0.5, 0.2]]);
    assert.deepEqual(solver, { ...choices, patience: 10 });
    assert.deepEqual([probes, heads], [2 * 2, 2 * 2 * 2]);
    assert.ok(converged > 0 && worstGap > 0);

    const origin = results.dataset.origin!;
    const again = await loadDataset(origin.source, { seed: origin.seed, limit: origin.limit });
    const same = { sites, pools, C, etas, features, ...solver };
    saveExperiment(out, await runExperiment(model, again, same));
    assert.equal(Deno.readTextFileSync(join(out, "results.json")), text);
  }));

Deno.test("runExperiment() reads the default sites and pools, and refuses a C or an eta at once", () =>
  withTextModel({}, async (model, folder) => {
    const features = join(folder, "features");
    const dataset = letters();
    for (const wrong of [{ C: [] }, { C: [1, -1] }, { etas: [] }, { etas: [0] }]) {
      await assert.rejects(
        runExperiment(model, dataset, { features, ...wrong }),
        /^SpindleError: Cannot (fit|select neurons) (without|a regression with|by an) /,
      );
    }
    assert.ok(!exists(features));
    const few = { C: [1], etas: [0.5], sites: undefined, pools: undefined };
    const { results } = await runExperiment(model, dataset, { features, ...few });
    assert.deepEqual(results.sites, ["hidden", "activation"]);
    assert.deepEqual(results.pools, defaultPools(model));
  }));
