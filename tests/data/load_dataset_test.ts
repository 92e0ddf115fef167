import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { DatasetFiles } from "../../src/data/dataset.ts";
import { loadDataset } from "../../src/data/load_dataset.ts";
import { SpindleError } from "../../src/util.ts";
import { loadFile, withFiles } from "./files.ts";

Deno.test("loadDataset() loads the bundled movie reviews with named classes", async () => {
  const mr = await loadDataset({ name: "mr" });
  assert.deepEqual(mr.classes, ["negative", "positive"]);
  assert.equal(mr.metric, "accuracy");
  for (const [split, count] of [[mr.train, 7678], [mr.validation, 852], [mr.test, 2132]] as const) {
    assert.equal(split.texts.length, count);
    assert.equal(split.labels.reduce((sum, label) => sum + label, 0), count / 2);
  }
  assert.equal(
    mr.train.texts[1],
    "the actors are forced to grapple with hazy motivations that never come into focus .",
  );
  assert.equal(mr.train.labels[1], 0);
  assert.deepEqual(await loadDataset({ name: "mr" }), mr);
});

Deno.test("loadDataset() takes another metric than is usual, and refuses one that is none", async () => {
  const { origin: _, ...mr } = await loadDataset({ name: "mr" }, { limit: 2 });
  const other = await loadDataset({ name: "mr" }, { limit: 2, metric: "macro-f1" });
  assert.deepEqual({ ...mr, metric: "macro-f1", origin: other.origin }, other);
  await assert.rejects(
    loadDataset({ name: "mr" }, { metric: "f1" as "macro-f1" }),
    /^SpindleError: Cannot use the metric "f1": "accuracy" or "macro-f1" is needed$/,
  );
});

Deno.test("loadDataset() says which bundled data sets there are", () =>
  assert.rejects(loadDataset({ name: "imdb" }), /named "imdb": there is mr/));

Deno.test("loadDataset() asks for a file or a name where it gets neither", async () => {
  for (const source of [{}, undefined, "mr", { train: 5 }, { validation: "a.tsv" }]) {
    await assert.rejects(
      loadDataset(source as DatasetFiles),
      /^SpindleError: Cannot load a data set from the file (undefined|5): give its path/,
    );
  }
});

Deno.test("loadDataset() needs two columns, whichever of them is named as the other", async () => {
  for (const columns of [{ text: "a", label: "a" }, { text: "label" }, { label: "text" }]) {
    await assert.rejects(
      loadDataset({ train: "none.csv", ...columns }),
      (error) =>
        error instanceof SpindleError && /^Cannot use the column .* for both/.test(error.message),
    );
  }
});

Deno.test("loadDataset() orders classes by value where all are numbers, else by name", () =>
  withFiles({
    "numbers.jsonl": [10, 2, -1].map((label) => JSON.stringify({ label, text: "" })).join("\n"),
    "names.tsv": "label\ttext\n10\t\nb\t\n2\t\nB\t",
    "booleans.jsonl": '{"label":true,"text":""}\n{"label":false,"text":""}',
  }, async (folder) => {
    const classes = async (name: string) => (await loadFile(`${folder}/${name}`)).classes;
    assert.deepEqual(await classes("numbers.jsonl"), ["-1", "2", "10"]);
    assert.deepEqual(await classes("names.tsv"), ["10", "2", "B", "b"]);
    assert.deepEqual(await classes("booleans.jsonl"), ["false", "true"]);
  }));

Deno.test("loadDataset() rejects a class that no training text has, naming file and line", () =>
  withFiles({
    "train.csv": "label,text\na,1\nb,2\n",
    "test.csv": "label,text\na,1\nc,2\n",
  }, async (folder) => {
    const train = `${folder}/train.csv`;
    await assert.rejects(
      loadDataset({ train, validation: train, test: `${folder}/test.csv` }),
      /test\.csv" as its line 3 has the label "c", which no text to train on has/,
    );
  }));

/** A table of `counts[c]` texts of each class c, the classes mixed, every text its own. */
function table(counts: number[]): string {
  const labels = counts.flatMap((count, label) => Array<number>(count).fill(label));
  const mixed = labels.map((label, i) => ({ label, place: (i * 7919) % labels.length }))
    .sort((a, b) => a.place - b.place);
  return "label\ttext\n" + mixed.map(({ label }, i) => `${label}\ttext ${i}`).join("\n");
}

const count = (labels: Int32Array, label: number) =>
  labels.filter((other) => other === label).length;

Deno.test("loadDataset() holds a tenth out where there is no file, the classes in shares", () =>
  withFiles({ "a.tsv": table([700, 300]) }, async (folder) => {
    const path = `${folder}/a.tsv`;
    const { train, validation, test } = await loadDataset({ train: path, test: path });
    assert.deepEqual([0, 1].map((label) => count(validation.labels, label)), [70, 30]);
    assert.deepEqual([0, 1].map((label) => count(train.labels, label)), [630, 270]);
    assert.equal(test.texts.length, 1000);
    const seen = [...train.texts, ...validation.texts];
    assert.equal(new Set(seen).size, 1000);

    const all = await loadDataset({ train: path });
    const splits = [all.train, all.validation, all.test];
    assert.deepEqual(splits.map(({ texts }) => texts.length), [810, 90, 100]);
    assert.deepEqual(splits.map(({ labels }) => count(labels, 0)), [567, 63, 70]);
    assert.equal(new Set(splits.flatMap(({ texts }) => texts)).size, 1000);
  }));

Deno.test("loadDataset() puts rows of the same text into one split, where it holds texts out", () => {
  const rows = Array.from({ length: 500 }, (_, i) => `${(i % 100) % 2}\ttext ${i % 100}`);
  return withFiles({ "a.tsv": ["label\ttext", ...rows].join("\n") }, async (folder) => {
    const train = `${folder}/a.tsv`;
    for (let seed = 0; seed < 5; seed++) {
      const all = await loadDataset({ train }, { seed });
      const splits = [all.train, all.validation, all.test];
      assert.deepEqual(splits.map(({ texts }) => texts.length), [410, 40, 50]);
      assert.deepEqual(splits.map(({ texts }) => new Set(texts).size), [82, 8, 10]);
      assert.equal(new Set(splits.flatMap(({ texts }) => [...new Set(texts)])).size, 100);
    }
    const given = await loadDataset({ train, validation: train, test: train });
    assert.equal(given.train.texts.length, 500);
  });
});

Deno.test("loadDataset() holds the same texts out for a seed and others for another", () =>
  withFiles({ "a.tsv": table([50, 50]) }, async (folder) => {
    const load = (seed?: number) => loadDataset({ train: `${folder}/a.tsv` }, { seed });
    assert.deepEqual(await load(3), await load(3));
    assert.deepEqual(await load(), await load(0));
    assert.notDeepEqual((await load(3)).validation.texts, (await load(4)).validation.texts);
    for (const seed of [-1, 0.5, 2 ** 32, NaN]) {
      await assert.rejects(load(seed), /Cannot hold texts out by the seed .*: a whole number from/);
    }
  }));

Deno.test("loadDataset() keeps a class of one text to train on, and refuses to hold out all", () =>
  withFiles({ "rare.tsv": table([99, 1]), "three.tsv": table([2, 1]) }, async (folder) => {
    const { train } = await loadDataset({ train: `${folder}/rare.tsv` });
    assert.equal(count(train.labels, 1), 1);
    await assert.rejects(
      loadDataset({ train: `${folder}/three.tsv` }),
      /Cannot hold texts out of the 3 of ".*three.tsv" as too few different ones remain/,
    );
  }));

Deno.test("loadDataset() limits every split, the classes in shares, the order kept", async () => {
  const whole = await loadDataset({ name: "mr" });
  const short = await loadDataset({ name: "mr" }, { limit: 900 });
  assert.deepEqual(short.validation, whole.validation);
  for (const split of ["train", "test"] as const) {
    assert.equal(short[split].texts.length, 900);
    assert.equal(count(short[split].labels, 0), 450);
    const places = short[split].texts.map((text) => whole[split].texts.indexOf(text));
    assert.deepEqual(places, places.toSorted((a, b) => a - b));
  }
  assert.notEqual(short.sha256, whole.sha256);
  await assert.rejects(loadDataset({ name: "mr" }, { limit: 1 }), /a data set to 1 text: a whole/);
  for (const limit of [0, -5, 2.5, NaN]) {
    await assert.rejects(
      loadDataset({ name: "mr" }, { limit }),
      /Cannot limit a data set to .* texts: /,
    );
  }
  assert.equal((await loadDataset({ name: "mr" }, { limit: 2 })).train.texts.length, 2);
});

Deno.test("the digest covers classes, splits, labels and texts, and nothing else", () =>
  withFiles({
    "a.csv": "label,text\nx,a\ny,b\n",
    "a.jsonl": '{"text":"a","label":"x"}\n{"text":"b","label":"y"}\n',
    "text.csv": "label,text\nx,a\ny,B\n",
    "label.csv": "label,text\ny,a\nx,b\n",
    "class.csv": "label,text\nx,a\nz,b\n",
    "order.csv": "label,text\ny,b\nx,a\n",
  }, async (folder) => {
    const digest = async (name: string) => (await loadFile(`${folder}/${name}`)).sha256;
    assert.equal(await digest("a.jsonl"), await digest("a.csv"));
    const names = ["a.csv", "text.csv", "label.csv", "class.csv", "order.csv"];
    assert.equal(new Set(await Promise.all(names.map(digest))).size, names.length);
    const part = (name: string) => `\n${name} 2\n0 "a"\n1 "b"\n`;
    const content = '["x","y"]' + ["train", "validation", "test"].map(part).join("");
    assert.equal(await digest("a.csv"), createHash("sha256").update(content).digest("hex"));
  }));
