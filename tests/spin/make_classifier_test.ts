import assert from "node:assert/strict";
import { bySplit, type Dataset } from "../../src/data/dataset.ts";
import { makeDataset } from "../../src/data/make_dataset.ts";
import type { StoreKey } from "../../src/features/store.ts";
import { loadedSha256 } from "../../src/model/files.ts";
import type { Model } from "../../src/model/model.ts";
import { findStates } from "../../src/model/states.ts";
import { classify } from "../../src/spin/classify.ts";
import type { Head } from "../../src/spin/integrate.ts";
import { makeClassifier } from "../../src/spin/make_classifier.ts";
import { withTextModel } from "../model/text_model.ts";

const dataset = makeDataset({
  name: "letters",
  metric: "macro-f1",
  classes: ["bad", "good"],
  ...bySplit(() => ({ texts: ["a", "b"], labels: [0, 1] })),
});

/** A head of two neurons that was fitted to the data set's features of a model. */
async function headOf(model: Model): Promise<Head> {
  const [state] = findStates(model.spec, ["hidden.1"]);
  return {
    site: "hidden",
    pool: "mean",
    eta: 0.5,
    layers: 1,
    neurons: [{ state: state!, indices: Uint32Array.of(7, 3) }],
    key: {
      version: 1,
      modelSha256: await loadedSha256(model),
      datasetSha256: dataset.sha256,
      weights: model.weights,
      adapter: model.gpu.adapter.description,
      pools: ["mean"],
      rows: bySplit(() => 2),
    },
    C: 1,
    coef: Float32Array.of(1, -2),
    intercept: Float32Array.of(0.5),
    validation: 0.75,
    test: 0.5,
    gap: 0,
    nIter: 1,
    nonzeros: 2,
    stop: "converged",
  };
}

Deno.test("makeClassifier() makes of a head what classify() takes", () =>
  withTextModel({ weights: "f16" }, async (model) => {
    const head = await headOf(model);
    const classifier = await makeClassifier(model, dataset, head);
    assert.deepEqual(classifier, {
      classes: ["bad", "good"],
      model: {
        name: "model",
        sha256: await loadedSha256(model),
        folder: model.folder,
        weights: "f16",
        blocks: 2,
      },
      blocksToRun: 1,
      pool: "mean",
      neurons: [{ state: "hidden.1", indices: Uint32Array.of(7, 3) }],
      coef: head.coef,
      intercept: head.intercept,
      metric: "macro-f1",
      validation: 0.75,
      test: 0.5,
    });
    const [prediction] = await classify(classifier, model, ["abc"]);
    assert.ok(classifier.classes.includes(prediction!.label));
  }));

Deno.test("makeClassifier() refuses a model or a data set that the head was not fitted to", () =>
  withTextModel({}, async (model) => {
    const head = await headOf(model);
    const { train, ...others } = dataset;
    const more = { texts: [...train.texts, "c"], labels: [...train.labels, 0] };
    const refused = (dataset: Dataset, change: Partial<StoreKey>, what: string) =>
      assert.rejects(makeClassifier(model, dataset, { ...head, key: { ...head.key, ...change } }), {
        name: "SpindleError",
        message: `Cannot make a classifier of "${model.folder}" (f32 weights) and "letters" as ` +
          `the head was fitted to features of ${what}: give that one`,
      });
    await refused(dataset, { modelSha256: "m" }, "another model");
    await refused(dataset, { weights: "f16" }, "a model with f16 weights");
    await refused(makeDataset({ ...others, train: more }), {}, "another data set");
    await assert.rejects(
      makeClassifier(model, dataset, { ...head, key: undefined as unknown as StoreKey }),
      /^SpindleError: Cannot make .+ as the head was fitted to features of what it does not tell/,
    );
    await assert.rejects(
      makeClassifier(model, { ...dataset, classes: ["good", "bad"] }, head),
      /^SpindleError: Cannot use the data set "letters" as its sha256 is not that of its classes/,
    );
  }));
