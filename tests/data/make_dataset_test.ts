import assert from "node:assert/strict";
import { bySplit, type Dataset } from "../../src/data/dataset.ts";
import { copyDataset, type DatasetContent, makeDataset } from "../../src/data/make_dataset.ts";
import type { Metric } from "../../src/data/registry.ts";
import { loadFile, withFiles } from "./files.ts";

const split = { texts: ["a", "b", "c"], labels: [0, 1, 0] };
const content: DatasetContent = {
  name: "letters",
  classes: ["x", "y"],
  train: split,
  validation: split,
  test: split,
};

Deno.test("makeDataset() makes of texts what loadDataset() makes of a file with them", () =>
  withFiles({ "letters.csv": "label,text\nx,a\ny,b\nx,c\n" }, async (folder) => {
    const { origin: _, ...loaded } = await loadFile(`${folder}/letters.csv`);
    const made = makeDataset(content);
    const withoutPlaces = bySplit((name) => {
      const { places: _, ...split } = loaded[name];
      return split;
    });
    assert.deepEqual(made, { ...loaded, ...withoutPlaces });
    assert.deepEqual(copyDataset(loaded), loaded, "a copy knows where texts stand");
    const classes = [...content.classes];
    const own = { texts: [...split.texts], labels: Float64Array.from(split.labels) };
    const copied = makeDataset({ ...content, classes, train: own });
    classes.reverse();
    own.texts.fill("z");
    own.labels.fill(0);
    assert.deepEqual(copied, made);
    assert.equal(makeDataset({ ...content, metric: "macro-f1" }).metric, "macro-f1");
  }));

Deno.test("makeDataset() refuses what no classifier can be fitted to or scored by", () => {
  const refused = (change: Partial<DatasetContent>, reason: string) =>
    assert.throws(() => makeDataset({ ...content, ...change }), {
      name: "SpindleError",
      message: `Cannot use the data set "letters" as ${reason}`,
    });
  const { texts, labels } = split;
  const classes = "two different texts or more are needed";
  refused({ classes: ["x"] }, `its classes are [ "x" ]: ${classes}`);
  refused({ classes: [0, 1] as unknown as string[] }, `its classes are [ 0, 1 ]: ${classes}`);
  refused({ classes: ["x", "x"] }, `its classes are [ "x", "x" ]: ${classes}`);
  refused(
    { classes: ["x", "y", "z"] },
    'no text to train on is of its class "z": give some, or leave it out',
  );
  for (const name of ["train", "validation", "test"] as const) {
    const ofSplit = (change: Partial<typeof split>, reason: string) =>
      refused({ [name]: { ...split, ...change } }, `its ${name} split has ${reason}`);
    ofSplit({ texts: [], labels: [] }, "no texts: give some");
    ofSplit({ texts: ["a", null as unknown as string, "c"] }, "null for text 2: give strings");
    ofSplit({ labels: [0, 1] }, "3 texts and 2 labels: give a label for each text");
    ofSplit({ texts: texts.slice(1) }, "2 texts and 3 labels: give a label for each text");
    for (const label of [-1, 2, 0.5, NaN]) {
      ofSplit(
        { labels: labels.with(2, label) },
        `the label ${label} for text 3: give whole numbers from 0 to 1, which name its classes`,
      );
    }
  }
  const lists = [
    { classes: "xy" },
    { train: undefined },
    { test: { ...split, texts: "a" } },
    { validation: { ...split, labels: 0 } },
  ];
  for (const change of lists as unknown as Partial<DatasetContent>[]) {
    assert.throws(
      () => makeDataset({ ...content, ...change }),
      /^SpindleError: Cannot use .+ for the .+: a list is needed$/,
    );
  }
  assert.throws(() => makeDataset({ ...content, metric: "f1" as Metric }), {
    name: "SpindleError",
    message: 'Cannot use the metric "f1": "accuracy" or "macro-f1" is needed',
  });
});

Deno.test("copyDataset() takes a data set with another metric, and none with other texts", () => {
  const dataset = { ...makeDataset(content), origin: { source: { name: "mr" }, seed: 0 } };
  assert.deepEqual(copyDataset(dataset), dataset);
  assert.equal(copyDataset({ ...dataset, metric: "macro-f1" }).metric, "macro-f1");
  const copy = copyDataset(dataset);
  assert.notEqual(copy.train.texts, dataset.train.texts);
  assert.equal(copyDataset(copy), copy, "stages hand a copy on");
  const { train: { texts, labels } } = dataset;
  const changes: Partial<Dataset>[] = [
    { classes: ["y", "x"] },
    { train: { texts: texts.with(2, "d"), labels } },
    { test: { texts, labels: labels.with(0, 1) } },
    { sha256: "" },
  ];
  for (const change of changes) {
    assert.throws(() => copyDataset({ ...dataset, ...change }), {
      name: "SpindleError",
      message: 'Cannot use the data set "letters" as its sha256 is not that of its classes, ' +
        "texts and labels: make it with makeDataset",
    });
  }
});
