import assert from "node:assert/strict";
import { join } from "node:path";
import { makeDataset } from "../../src/data/make_dataset.ts";
import type { Model } from "../../src/model/model.ts";
import { classify } from "../../src/spin/classify.ts";
import { type ExperimentOptions, runExperiment } from "../../src/spin/experiment.ts";
import { explain } from "../../src/spin/explain.ts";
import { letterTexts, withTextModel } from "../model/text_model.ts";

/** Texts of which those to train on take several batches. */
function letters(model: Model) {
  const labels = Array.from({ length: model.tokensPerBatch / 4 }, (_, i) => i % 2);
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
    const stages = { "extract train": "probe", probe: "integrate", integrate: "none" };
    for (const [last, next] of Object.entries(stages)) {
      const seen: string[] = [];
      const aborter = new AbortController();
      const reason = new Error(`enough of ${last}`);
      const onProgress = (stage: string, done: number, total: number) => {
        seen.push(stage);
        if (stage === last && (done > 0 || total < 10)) aborter.abort(reason);
      };
      await assert.rejects(run({ signal: aborter.signal, onProgress }), reason);
      assert.ok(seen.includes(last) && !seen.includes(next));
    }
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
    assert.equal(model.gpu.liveBytes, before);
  }));
