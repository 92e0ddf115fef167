import assert from "node:assert/strict";
import type { Dataset } from "../../src/data/dataset.ts";
import { bySplit } from "../../src/features/store.ts";
import { loadedSha256 } from "../../src/model/files.ts";
import { findStates } from "../../src/model/states.ts";
import { classify } from "../../src/spin/classify.ts";
import type { Head } from "../../src/spin/integrate.ts";
import { makeClassifier } from "../../src/spin/make_classifier.ts";
import { withTextModel } from "../model/text_model.ts";

const dataset: Dataset = {
  name: "letters",
  metric: "macro-f1",
  classes: ["bad", "good"],
  ...bySplit(() => ({ texts: [], labels: new Int32Array() })),
  sha256: "d",
};

Deno.test("makeClassifier() makes of a head what classify() takes", () =>
  withTextModel({ weights: "f16" }, async (model) => {
    const [state] = findStates(model.spec, ["hidden.1"]);
    const head: Head = {
      site: "hidden",
      pool: "mean",
      eta: 0.5,
      layers: 1,
      neurons: [{ state: state!, indices: Uint32Array.of(7, 3) }],
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
    const lacking = [{ state: { ...state!, name: "hidden.9" }, indices: Uint32Array.of(0) }];
    await assert.rejects(
      makeClassifier(model, dataset, { ...head, neurons: lacking }),
      /^SpindleError: Cannot capture the state "hidden\.9" as the model has only /,
    );
  }));
