import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Dataset, splitNames } from "../../src/data/dataset.ts";
import { makeDataset } from "../../src/data/make_dataset.ts";
import { extractFeatures, type ExtractPlan } from "../../src/features/extract.ts";
import { lastUse } from "../../src/features/last_use.ts";
import { SplitWriter } from "../../src/features/split_writer.ts";
import { readFeatures } from "../../src/features/store.ts";
import type { Model } from "../../src/model/model.ts";
import type { Site } from "../../src/model/states.ts";
import type { Pool } from "../../src/ops/pool.ts";
import { letterTexts, withTextModel } from "../model/text_model.ts";
import { assertClose } from "../numbers.ts";
import { Turns, turnsOfEncoding } from "../turns.ts";
import { openStore } from "./support.ts";

const choice = { sites: ["hidden"], pools: ["mean"] } as const;

/** Short texts of two classes, as many in each split. */
function letters(count = 5): Dataset {
  const labels = Array.from({ length: count }, (_, i) => i % 2);
  const split = (seed: number) => (
    { texts: letterTexts(labels, 2, seed), labels }
  );
  const splits = { train: split(1), validation: split(2), test: split(3) };
  return makeDataset({ name: "letters", classes: ["a", "b"], ...splits });
}

/** The features of all splits, and how many tokens ran for them. */
async function extract(model: Model, dataset: Dataset, folder: string) {
  const { store, states, tokens, tokensRun } = await extractFeatures(model, dataset, {
    ...choice,
    features: folder,
  });
  const features = splitNames.flatMap((split) =>
    states.map((state) =>
      readFeatures(store, split, state, "mean").read(0, dataset[split].texts.length)
    )
  );
  return { store, states, features, tokens, tokensRun };
}

Deno.test("an interrupted extraction goes on at its last checkpoint, to the same features", () =>
  withTextModel({}, async (model, parent) => {
    const dataset = letters(model.tokensPerBatch); // about 6 batches
    const onProgress = (split: string, done: number, total: number) => {
      if (split === "train" && done > 0.7 * total) throw new Error("interrupted");
    };
    const options = { ...choice, features: join(parent, "one"), onProgress };
    {
      // So much time between one look at the clock and the next that each batch is a checkpoint.
      const begin = performance.now();
      let looks = 0;
      using restored = new DisposableStack();
      const { now } = performance;
      restored.defer(() => performance.now = now);
      performance.now = () => begin + 4000 * looks++;
      await assert.rejects(extractFeatures(model, dataset, options), /^Error: interrupted/);
    }
    const resumed = await extract(model, dataset, join(parent, "one"));
    const whole = await extract(model, dataset, join(parent, "other"));
    assert.equal(whole.tokensRun, whole.tokens);
    assert.ok(resumed.tokensRun < 0.95 * whole.tokens, `ran ${resumed.tokensRun} tokens again`);
    resumed.features.forEach((each, i) => assertClose(each, whole.features[i]!, 0, `file ${i}`));
    assert.equal((await extract(model, dataset, join(parent, "one"))).tokensRun, 0);
  }));

Deno.test("extractFeatures() gives others their turns while it tokenizes", () =>
  withTextModel({}, async (model, parent) => {
    const dataset = letters(1000);
    const expected = model.encode(dataset.train.texts);
    using turns = new Turns();
    const seen = turnsOfEncoding(model, turns);
    let total = 0;
    const onProgress = (_split: string, _done: number, tokens: number) => {
      total = tokens;
      throw new Error("enough");
    };
    const options = { ...choice, features: parent, onProgress };
    await assert.rejects(extractFeatures(model, dataset, options), /^Error: enough/);
    assert.ok(seen.length >= 9 && new Set(seen).size === seen.length, seen.join());
    assert.equal(total, expected.ids.flat().length);
  }));

Deno.test("an extraction runs the texts behind the rows that are there, and no others", () =>
  withTextModel({}, async (model, parent) => {
    const dataset = letters();
    const whole = await extract(model, dataset, join(parent, "a"));
    const store = await openStore(join(parent, "b"), whole.store.key);
    {
      using writer = new SplitWriter(store, "train", whole.states);
      const values = whole.states.map((state) => [
        readFeatures(whole.store, "train", state, "mean").read(0, 2),
      ]);
      writer.write(values, 2);
      await writer.checkpoint();
    }
    const told: [string, number, number][] = [];
    const resumed = await extractFeatures(model, dataset, {
      ...choice,
      features: join(parent, "b"),
      onProgress: (...progress) => told.push(progress),
    });
    const lengths = model.tokenize(dataset.train.texts).map((ids) => ids.length);
    const known = lengths[0]! + lengths[1]!;
    const all = lengths.reduce((sum, length) => sum + length, 0);
    assert.equal(resumed.tokensRun, whole.tokens - known);
    assert.deepEqual(told.filter(([split]) => split === "train"), [
      ["train", known, all],
      ["train", all, all],
    ]);
    const again = await extract(model, dataset, join(parent, "b"));
    assert.deepEqual(again.features, whole.features);
  }));

Deno.test("extractFeatures() says before the work how many bytes features take", () =>
  withTextModel({ weights: "f16" }, async (model, folder) => {
    const plans: ExtractPlan[] = [];
    const options = {
      sites: ["hidden"] as const,
      pools: ["mean", "max"] as const,
      features: folder,
      onPlan: (plan: ExtractPlan) => plans.push(plan),
    };
    const { store, states } = await extractFeatures(model, letters(), options);
    await extractFeatures(model, letters(), options);
    const bytes = splitNames.length * 5 * states.length * 12 * 2 * 4;
    const plan = { folder: store.folder, bytes };
    assert.deepEqual(plans, [{ ...plan, missingBytes: bytes }, { ...plan, missingBytes: 0 }]);
    // Weights of another type make other features.
    assert.equal(store.key.weights, "f16");
  }));

Deno.test("extractFeatures() uses features that were made with more pools, where all are there", () =>
  withTextModel({}, async (model, folder) => {
    const take = (pools: readonly Pool[], sites: readonly Site[] = ["hidden"]) =>
      extractFeatures(model, letters(), { features: folder, pools, sites });
    const rich = await take(["max", "mean"]);
    const poor = await take(["mean"]);
    assert.deepEqual([poor.store, poor.pools, poor.tokensRun], [rich.store, ["mean"], 0]);
    const state = poor.states[1]!;
    const { features } = await extract(model, letters(), join(folder, "apart"));
    assert.deepEqual(
      readFeatures(poor.store, "train", state, "mean").read(0, 5),
      features[1],
    );
    const max = await take(["max"]);
    assert.deepEqual(max.store, rich.store);
    // Its own features, where they are whole, need no others.
    const own = await openStore(folder, { ...rich.store.key, pools: ["max"] });
    for (const { name } of Deno.readDirSync(rich.store.folder)) {
      if (name !== "manifest.json") {
        Deno.copyFileSync(join(rich.store.folder, name), join(own.folder, name));
      }
    }
    assert.deepEqual((await take(["max"])).store, own);
    for (const other of [await take(["first"]), await take(["mean"], ["hidden", "activation"])]) {
      assert.notEqual(other.store.folder, rich.store.folder);
      assert.equal(other.tokensRun, other.tokens);
    }
  }));

Deno.test("extractFeatures() remembers beside features what they were last used for", () =>
  withTextModel({}, async (model, folder) => {
    const uses = async (dataset: Dataset) => {
      const { store } = await extractFeatures(model, dataset, { ...choice, features: folder });
      return lastUse(store.folder);
    };
    assert.deepEqual(await uses(letters()), { model: model.folder, source: "letters" });
    const origin = { source: { train: join(folder, "a.csv") }, seed: 0 };
    assert.deepEqual(await uses({ ...letters(), origin }), {
      model: model.folder,
      source: origin.source.train,
    });
  }));

Deno.test("extractFeatures() names a text that has no tokens, the first one too, and begins no store", () =>
  withTextModel({}, async (model, folder) => {
    const features = join(folder, "features");
    const refused = (dataset: Dataset, what: string) =>
      assert.rejects(extractFeatures(model, dataset, { ...choice, features }), {
        name: "SpindleError",
        message: `Cannot run ${what} as the model has no tokens for it: leave it out`,
      });
    for (const place of [0, 3]) {
      const { validation: { texts, labels }, ...others } = letters();
      const validation = { texts: texts.with(place, ""), labels };
      const dataset = makeDataset({ ...others, validation });
      await refused(dataset, `text ${place + 1} of the validation split of "letters"`);
      const places = { path: "a.csv", lines: Int32Array.of(2, 3, 5, 9, 10) };
      await refused(
        { ...dataset, validation: { ...dataset.validation, places } },
        `line ${places.lines[place]} of "a.csv"`,
      );
    }
    assert.equal(existsSync(features), false);
  }));

Deno.test("extractFeatures() refuses a data set whose texts are not those of its digest", () =>
  withTextModel({}, async (model, folder) => {
    const altered = { ...letters(), train: letters().test };
    await assert.rejects(
      extractFeatures(model, altered, { ...choice, features: folder }),
      /^SpindleError: Cannot use the data set "letters" as its sha256 is not that of its classes/,
    );
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["model"]);
  }));

Deno.test("extractFeatures() extracts what it was given when it was called", () =>
  withTextModel({}, async (model, parent) => {
    const dataset = letters();
    const expected = await extract(model, dataset, join(parent, "one"));
    const given = structuredClone(dataset);
    const options = { ...choice, features: join(parent, "other") };
    const extraction = extractFeatures(model, given, options);
    (given.train.texts as string[]).fill("x");
    options.features = parent;
    const { store } = await extraction;
    assert.equal(dirname(store.folder), join(parent, "other"));
    const values = readFeatures(store, "train", expected.states[0]!, "mean").read(0, 5);
    assert.deepEqual(values, expected.features[0]);
  }));

Deno.test("extractFeatures() refuses a model whose files changed since it was loaded", () =>
  withTextModel({}, async (model, parent) => {
    const later = new Date(Date.now() + 10_000);
    Deno.utimeSync(join(model.folder, "tokenizer.json"), later, later);
    await assert.rejects(
      extractFeatures(model, letters(), { ...choice, features: join(parent, "features") }),
      /model ".*model" as its files changed since it was loaded: load it again/,
    );
  }));
