import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { type Dataset, loadDataset } from "../../src/data/dataset.ts";
import { extractFeatures } from "../../src/features/extract.ts";
import { readFeatures, splitNames } from "../../src/features/store.ts";
import { requestGpu } from "../../src/gpu/request.ts";
import { loadModel, type Model } from "../../src/model/model.ts";
import { withFolder } from "../folder.ts";

const folder = new URL("../../models/all-MiniLM-L6-v2", import.meta.url).pathname;
const choice = { sites: ["hidden"], pools: ["mean"] } as const;

/** The features of all splits, and how many tokens ran for them. */
async function extract(model: Model, dataset: Dataset, folder: string) {
  const { store, states, tokens, tokensRun } = await extractFeatures(model, dataset, {
    ...choice,
    folder,
  });
  const features = splitNames.flatMap((split) =>
    states.map((state) =>
      readFeatures(store, split, state, "mean").read(0, dataset[split].texts.length)
    )
  );
  return { features, tokens, tokensRun };
}

Deno.test("an interrupted extraction goes on at its last checkpoint, to the same features", () =>
  withFolder(async (parent) => {
    using gpu = await requestGpu();
    using model = await loadModel(gpu, folder);
    const dataset = await loadDataset({ name: "mr" }, { limit: 800 });
    const onProgress = (split: string, done: number, total: number) => {
      if (split === "train" && done > 0.7 * total) throw new Error("interrupted");
    };
    const options = { ...choice, folder: join(parent, "one"), onProgress };
    await assert.rejects(extractFeatures(model, dataset, options), /^Error: interrupted/);
    const resumed = await extract(model, dataset, join(parent, "one"));
    const whole = await extract(model, dataset, join(parent, "other"));
    assert.equal(whole.tokensRun, whole.tokens);
    assert.ok(resumed.tokensRun < 0.95 * whole.tokens, `ran ${resumed.tokensRun} tokens again`);
    assert.deepEqual(resumed.features, whole.features);
    assert.equal((await extract(model, dataset, join(parent, "one"))).tokensRun, 0);
  }));

Deno.test("extractFeatures() gives others their turns while it tokenizes", () =>
  withFolder(async (parent) => {
    using gpu = await requestGpu();
    using model = await loadModel(gpu, folder);
    const dataset = await loadDataset({ name: "mr" }, { limit: 350 });
    const expected = model.encode(dataset.train.texts);
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const encode = model.encode.bind(model);
    const seen: number[] = [];
    model.encode = (texts) => {
      seen.push(turns);
      return encode(texts);
    };
    let total = 0;
    const onProgress = (_split: string, _done: number, tokens: number) => {
      total = tokens;
      throw new Error("enough");
    };
    const options = { ...choice, folder: parent, onProgress };
    await assert.rejects(extractFeatures(model, dataset, options), /^Error: enough/);
    clearInterval(timer);
    assert.ok(seen.length >= 9 && new Set(seen).size === seen.length, seen.join());
    assert.equal(total, expected.ids.flat().length);
  }));

Deno.test("extractFeatures() refuses a model whose files changed since it was loaded", () =>
  withFolder(async (parent) => {
    const copy = join(parent, "model");
    cpSync(folder, copy, { recursive: true });
    using gpu = await requestGpu();
    using model = await loadModel(gpu, copy);
    const dataset = await loadDataset({ name: "mr" }, { limit: 2 });
    const later = new Date(Date.now() + 10_000);
    Deno.utimeSync(join(copy, "model.safetensors"), later, later);
    await assert.rejects(
      extractFeatures(model, dataset, { ...choice, folder: join(parent, "features") }),
      /model ".*model" as its files changed since it was loaded: load it again/,
    );
  }));
