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
import { breakLetter, writeTinyModel } from "./tiny_model.ts";

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

Deno.test("classify() refuses states that are not finite, and names the text and the neuron", () =>
  withFolder(async (folder) => {
    writeTinyModel(folder);
    breakLetter(folder, "b");
    using gpu = await requestGpu();
    const neurons = [{ state: "hidden.0", indices: Uint32Array.of(0, 3) }];
    for (const [weights, advice] of [["f32", "from another"], ["f16", "with --weights f32, or"]]) {
      using model = await loadModel(gpu, folder, { weights: weights as "f32" | "f16" });
      const [prediction] = await classify({ ...classifier, neurons }, model, ["ac"]);
      assert.ok(prediction!.probability >= 0.5);
      await assert.rejects(
        classify({ ...classifier, neurons }, model, ["ac", "ab"]),
        new RegExp(
          '^SpindleError: Cannot classify "ab" as neuron 3 of hidden\\.0 is Infinity: ' +
            `make the classifier ${advice}`,
        ),
      );
    }
  }));

Deno.test("classify() tells how many texts lost their ends", () =>
  withFolder(async (folder) => {
    writeTinyModel(folder);
    using gpu = await requestGpu();
    using model = await loadModel(gpu, folder);
    const told: number[] = [];
    const neurons = [{ state: "hidden.1", indices: Uint32Array.of(0, 3) }];
    const ask = (texts: string[]) =>
      classify({ ...classifier, neurons }, model, texts, { onTruncated: (n) => told.push(n) });
    const whole = await ask(["a".repeat(12)]);
    assert.deepEqual(told, []);
    const cut = await ask(["a".repeat(13), "b", "a".repeat(40)]);
    assert.deepEqual(told, [2]);
    assert.deepEqual(cut[0]!.label, whole[0]!.label);
  }));
