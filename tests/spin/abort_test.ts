import assert from "node:assert/strict";
import { join } from "node:path";
import { makeDataset } from "../../src/data/make_dataset.ts";
import { extractFeatures } from "../../src/features/extract.ts";
import { readFeatures } from "../../src/features/store.ts";
import type { Model } from "../../src/model/model.ts";
import { fitLogistic } from "../../src/probe/logistic.ts";
import { classify } from "../../src/spin/classify.ts";
import { type ExperimentOptions, runExperiment } from "../../src/spin/experiment.ts";
import { explain } from "../../src/spin/explain.ts";
import { integrate } from "../../src/spin/integrate.ts";
import { fitProbes } from "../../src/spin/probes.ts";
import { letterTexts, withTextModel } from "../model/text_model.ts";

/** Texts of which those to train on take several batches. */
function letters(model: Model) {
  const labels = Array.from({ length: model.tokensPerBatch / 2 }, (_, i) => i % 2);
  const split = (seed: number) => ({ texts: letterTexts(labels, 2, seed), labels });
  const splits = { train: split(1), validation: split(2), test: split(3) };
  return makeDataset({ name: "letters", classes: ["a", "b"], ...splits });
}

Deno.test("an experiment that is aborted ends with the reason, and goes on where it stopped", () =>
  withTextModel({}, async (model, folder) => {
    const dataset = letters(model);
    const options = { C: [1], etas: [0.1], maxIterations: 5, features: join(folder, "features") };
    const run = (others: Partial<ExperimentOptions>) =>
      runExperiment(model, dataset, { ...options, ...others });
    const begun: number[] = [];
    const stages = { "extract train": "probe", probe: "integrate", integrate: "none" };
    for (const [last, next] of Object.entries(stages)) {
      const seen: string[] = [];
      let first: number | undefined;
      const aborter = new AbortController();
      const reason = new Error(`enough of ${last}`);
      const onProgress = (stage: string, done: number, total: number) => {
        seen.push(stage);
        first ??= done;
        if (stage === last && (done > 0 || total < 10)) aborter.abort(reason);
      };
      await assert.rejects(run({ signal: aborter.signal, onProgress }), reason);
      assert.ok(seen.includes(last) && !seen.includes(next));
      begun.push(first!);
    }
    assert.equal(begun[0], 0);
    assert.ok(begun[1]! > 0, "what was extracted is not extracted again");
    const { results } = await run({});
    assert.equal(results.tokensPerSecond, null, "all features are there");
    await assert.rejects(run({ signal: AbortSignal.abort() }), { name: "AbortError" });
  }));

Deno.test("capture(), classify() and explain() end with the reason of an abort", () =>
  withTextModel({}, async (model, folder) => {
    const dataset = letters(model);
    const { classifier } = await runExperiment(model, dataset, {
      C: [1],
      etas: [0.1],
      features: join(folder, "features"),
    });
    const texts = Array(4).fill(dataset.train.texts).flat();
    const ids = model.tokenize(texts);
    const before = model.gpu.liveBytes;
    for (
      const start of [
        (signal: AbortSignal) => model.capture(ids, { signal }),
        (signal: AbortSignal) => classify(classifier, model, texts, { signal }),
        (signal: AbortSignal) => explain(classifier, model, texts, { signal }),
      ]
    ) {
      const aborter = new AbortController();
      const reason = new Error("nobody waits");
      const work = start(aborter.signal);
      setTimeout(() => aborter.abort(reason));
      await assert.rejects(work, reason);
    }
    for (const few of [1, Math.ceil(1.5 * model.tokensPerBatch / ids[0]!.length)]) {
      const aborter = new AbortController();
      const reason = new Error(`nobody waits for ${few}`);
      const work = model.capture(ids.slice(0, few), { signal: aborter.signal });
      aborter.abort(reason);
      await assert.rejects(work, reason);
    }
    assert.equal(model.gpu.liveBytes, before);
  }));

Deno.test("the fits of a single state and of a single site and pool end with the reason, too", () =>
  withTextModel({}, async (model, folder) => {
    const dataset = letters(model);
    const extraction = await extractFeatures(model, dataset, {
      sites: ["hidden"],
      pools: ["mean"],
      features: folder,
    });
    const { gpu } = model;
    const { store, pools } = extraction;
    const states = extraction.states.slice(0, 1);
    const choices = { iterate: "converged", tolerance: 0 } as const;
    const probes = await fitProbes(gpu, store, dataset, { states, pools, C: [1] });
    const x = readFeatures(store, "train", states[0]!, "mean").read(0, dataset.train.texts.length);
    for (
      const start of [
        (signal: AbortSignal) =>
          fitProbes(gpu, store, dataset, { states, pools, ...choices, signal }),
        (signal: AbortSignal) => integrate(gpu, store, dataset, probes, { ...choices, signal }),
        (signal: AbortSignal) =>
          fitLogistic(gpu, x, dataset.train.labels, { tolerance: 0, signal }),
      ]
    ) {
      const aborter = new AbortController();
      const reason = new Error("nobody waits");
      const work = start(aborter.signal);
      setTimeout(() => aborter.abort(reason));
      await assert.rejects(work, reason);
    }
  }));
