import assert from "node:assert/strict";
import { join } from "node:path";
import { openSafetensors, readFloats, writeSafetensors } from "../../src/formats/safetensors.ts";
import { requestGpu } from "../../src/gpu/request.ts";
import { loadModel } from "../../src/model/model.ts";
import {
  type Classifier,
  classify,
  loadClassifier,
  saveClassifier,
} from "../../src/spin/classifier.ts";
import { withFolder } from "../folder.ts";

const classifier: Classifier = {
  classes: ["bad", "good"],
  model: { name: "model", sha256: "", folder: "models/all-MiniLM-L6-v2" },
  pool: "mean",
  neurons: [{ state: "hidden.0", indices: Uint32Array.of(383, 0) }],
  coef: Float32Array.of(1, -2),
  intercept: Float32Array.of(0.5),
  metric: "accuracy",
  validation: 0.75,
  test: 0.5,
};

const withFile = (body: (path: string) => void) =>
  withFolder((folder) => body(join(folder, "classifier.safetensors")));

/** Writes the classifier anew with another description of itself. */
function describe(path: string, description: string): void {
  saveClassifier(path, classifier);
  using file = openSafetensors(path);
  const format = file.metadata.get("format")!;
  const data = readFloats(file, "coef");
  writeSafetensors(
    path,
    new Map([["coef", { dtype: "F32" as const, shape: [1, data.length], data }]]),
    { format, classifier: description },
  );
}

Deno.test("loadClassifier() reads what saveClassifier() wrote", () =>
  withFile((path) => {
    saveClassifier(path, classifier);
    assert.deepEqual(loadClassifier(path), classifier);
  }));

Deno.test("loadClassifier() refuses a file that does not describe a classifier", () =>
  withFile((path) => {
    const { classes, model, pool, metric, validation, test } = classifier;
    const whole = { classes, model, pool, metric, validation, test, states: [] };
    const broken = [
      "{",
      "[]",
      "null",
      ...Object.keys(whole).map((key) => JSON.stringify({ ...whole, [key]: undefined })),
      ...Object.keys(whole).map((key) => JSON.stringify({ ...whole, [key]: {} })),
      JSON.stringify({ ...whole, metric: "guesses" }),
    ];
    for (const description of broken) {
      describe(path, description);
      assert.throws(
        () => loadClassifier(path),
        /^SpindleError: Cannot use ".+" as a classifier as its parts do not fit together/,
        description,
      );
    }
  }));

Deno.test("loadClassifier() refuses neurons and states that are repeated or below 0", () =>
  withFile((path) => {
    const state = (name: string, ...indices: number[]) => ({
      state: name,
      indices: new Uint32Array(new Int32Array(indices)),
    });
    const broken = [
      [state("hidden.0", 3, 3)],
      [state("hidden.0", -5, 3)],
      [state("hidden.0", 3), state("hidden.0", 3)],
    ];
    for (const neurons of broken) {
      saveClassifier(path, { ...classifier, neurons });
      assert.throws(() => loadClassifier(path), /its parts do not fit together/);
    }
  }));

Deno.test("classify() refuses a neuron that the model lacks", async () => {
  using gpu = await requestGpu();
  using model = await loadModel(gpu, "models/all-MiniLM-L6-v2", { states: ["hidden.0"] });
  const [prediction] = await classify(classifier, model, ["a fine film"]);
  assert.ok(prediction!.probability >= 0.5);
  const neurons = [{ state: "hidden.0", indices: Uint32Array.of(383, 384) }];
  await assert.rejects(
    classify({ ...classifier, neurons }, model, ["a fine film"]),
    /^SpindleError: Cannot classify with neuron 384 of hidden\.0 as the model has 384 there/,
  );
});
