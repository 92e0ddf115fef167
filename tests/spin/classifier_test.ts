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
import { breakLetter, withTextModel, writeTextModel } from "../model/text_model.ts";
import { randomNumbers } from "../numbers.ts";

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

Deno.test("classify() refuses states that are not finite, and names the text and the neuron", () =>
  withFolder(async (folder) => {
    writeTextModel(folder);
    breakLetter(folder, "b");
    using gpu = await requestGpu();
    const neurons = [{ state: "hidden.0", indices: Uint32Array.of(0, 3) }];
    for (const [weights, advice] of [["f32", "from another"], ["f16", "with --weights f32, or"]]) {
      using model = await loadModel(gpu, folder, { weights: weights as "f32" | "f16" });
      const [prediction] = await classify({ ...classifier, neurons }, model, ["a c"]);
      assert.ok(prediction!.probability >= 0.5);
      await assert.rejects(
        classify({ ...classifier, neurons }, model, ["a c", "ab"]),
        new RegExp(
          '^SpindleError: Cannot classify "ab" as neuron 3 of hidden\\.0 is Infinity: ' +
            `make the classifier ${advice}`,
        ),
      );
    }
  }));

Deno.test("classify() tells how many texts lost their ends", () =>
  withFolder(async (folder) => {
    writeTextModel(folder);
    using gpu = await requestGpu();
    using model = await loadModel(gpu, folder);
    const told: number[] = [];
    const neurons = [{ state: "hidden.1", indices: Uint32Array.of(0, 3) }];
    const ask = (texts: string[]) =>
      classify({ ...classifier, neurons }, model, texts, { onTruncated: (n) => told.push(n) });
    const whole = await ask(["a".repeat(32)]);
    assert.deepEqual(told, []);
    const cut = await ask(["a".repeat(33), "b", "a".repeat(60)]);
    assert.deepEqual(told, [2]);
    assert.deepEqual(cut[0]!.label, whole[0]!.label);
  }));
Deno.test("loadClassifier() refuses numbers, classes and pools that cannot be a classifier's", () =>
  withFile((path) => {
    const three = { classes: ["a", "b", "c"], intercept: new Float32Array(3) };
    const wrong: Partial<Classifier>[] = [
      { coef: Float32Array.of(1, NaN) },
      { coef: Float32Array.of(1, 2, 3) },
      { intercept: Float32Array.of(Infinity) },
      { pool: "median" as Classifier["pool"] },
      { classes: ["bad", "bad"] },
      { classes: ["bad"] },
      { classes: three.classes },
      { ...three, classes: ["a", "b", "b"], coef: new Float32Array(6) },
    ];
    for (const change of wrong) {
      saveClassifier(path, { ...classifier, ...change });
      assert.throws(() => loadClassifier(path), /its parts do not fit together/);
    }
    saveClassifier(path, { ...classifier, ...three, coef: new Float32Array(6) });
    assert.equal(loadClassifier(path).classes.length, 3);
  }));

Deno.test("loadClassifier() refuses a file of another format", () =>
  withFile((path) => {
    saveClassifier(path, classifier);
    const tensors = new Map([["coef", { dtype: "F32", shape: [1], data: Float32Array.of(1) }]]);
    const description = { classifier: "{}" };
    for (const metadata of [{}, description, { ...description, format: "spindle-classifier-2" }]) {
      writeSafetensors(path, tensors as Parameters<typeof writeSafetensors>[1], metadata);
      assert.throws(() => loadClassifier(path), /it was not written by "spindle run"/);
    }
  }));

Deno.test("classify() computes the probabilities of the neurons that it names", () =>
  withTextModel({}, async (model) => {
    const texts = ["a fine game", "no", "a mad slog"];
    const neurons = [
      { state: "hidden.0", indices: Uint32Array.of(11, 0) },
      { state: "hidden.1", indices: Uint32Array.of(7) },
    ];
    const { states } = await model.capture(model.tokenize(texts), {
      states: ["hidden.0", "hidden.1"],
      pools: ["mean"],
    });
    for (const classes of [["bad", "good"], ["a", "b", "c"]]) {
      const K = classes.length === 2 ? 1 : 3;
      const coef = randomNumbers(3 * K).map((weight) => 3 * weight);
      const intercept = randomNumbers(K, 2);
      const found = await classify(
        { ...classifier, classes, neurons, coef, intercept },
        model,
        texts,
      );
      found.forEach(({ label, probability, probabilities }, row) => {
        const x = neurons.flatMap(({ state, indices }) => {
          const { width, values } = states.get(state)!;
          return Array.from(indices, (index) => values.mean![row * width + index]!);
        });
        const each = Array.from(intercept, (shift, k) => {
          const logit = x.reduce((sum, value, i) => sum + coef[k * 3 + i]! * value, shift);
          return 1 / (1 + Math.exp(-logit));
        });
        const sum = each.reduce((a, b) => a + b);
        const expected = K === 1 ? [1 - each[0]!, each[0]!] : each.map((p) => p / sum);
        classes.forEach((name, c) => {
          assert.ok(Math.abs(probabilities[name]! - expected[c]!) < 1e-6, `${name} of text ${row}`);
        });
        assert.equal(label, classes[expected.indexOf(Math.max(...expected))]);
        assert.equal(probability, probabilities[label]);
      });
    }
  }));

Deno.test("classify() refuses a neuron that the model lacks, and weights that are not one each", () =>
  withTextModel({}, async (model) => {
    const neurons = [{ state: "hidden.0", indices: Uint32Array.of(11, 12) }];
    await assert.rejects(
      classify({ ...classifier, neurons }, model, ["a fine film"]),
      /^SpindleError: Cannot classify with neuron 12 of hidden\.0 as the model has 12 there/,
    );
    const known = [{ state: "hidden.0", indices: Uint32Array.of(11, 0) }];
    for (const coef of [new Float32Array(1), new Float32Array(4)]) {
      await assert.rejects(
        classify({ ...classifier, neurons: known, coef }, model, ["a fine film"]),
        /^SpindleError: Cannot classify as 2 neurons and 1 intercepts do not take [14] weights/,
      );
    }
  }));
