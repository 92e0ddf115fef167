import assert from "node:assert/strict";
import { join } from "node:path";
import { loadDataset } from "../../src/data/load_dataset.ts";
import type { Metric } from "../../src/data/registry.ts";
import { extractFeatures } from "../../src/features/extract.ts";
import { type TensorData, writeSafetensors } from "../../src/formats/safetensors.ts";
import type { Precision } from "../../src/gpu/precision.ts";
import { loadedSha256 } from "../../src/model/files.ts";
import { loadModel } from "../../src/model/load.ts";
import type { Model } from "../../src/model/model.ts";
import type { Pool } from "../../src/ops/pool.ts";
import type { Classifier } from "../../src/spin/classifier.ts";
import { loadClassifier, saveClassifier } from "../../src/spin/classifier_file.ts";
import { loadClassifierModel } from "../../src/spin/classifier_model.ts";
import { classify } from "../../src/spin/classify.ts";
import { requestGpu } from "../../src/tuning/request.ts";
import { withFolder } from "../folder.ts";
import { breakLetter, withTextModel, writeTextModel } from "../model/text_model.ts";
import { randomNumbers } from "../numbers.ts";
import { Turns, turnsOfEncoding } from "../turns.ts";

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

/** The classifier, some parts of it changed, as if it was made from that model. */
const madeFrom = async (model: Model, change: Partial<Classifier> = {}): Promise<Classifier> => {
  const own = { name: "model", sha256: await loadedSha256(model), folder: model.folder };
  return { ...classifier, model: own, ...change };
};

const withFile = (body: (path: string) => void) =>
  withFolder((folder) => body(join(folder, "classifier.safetensors")));

/** Writes the classifier's tensors, some of them changed, with a description of it. */
function writeParts(
  path: string,
  description: string,
  changed: { coef?: number[]; intercept?: number[]; neurons?: number[] } = {},
): void {
  const { coef = [1, -2], intercept = [0.5], neurons = [383, 0] } = changed;
  const tensors = new Map<string, TensorData>([
    ["coef", { dtype: "F32", shape: [coef.length], data: Float32Array.from(coef) }],
    ["intercept", { dtype: "F32", shape: [intercept.length], data: Float32Array.from(intercept) }],
    ["neurons.hidden.0", { dtype: "I32", shape: [neurons.length], data: Int32Array.from(neurons) }],
  ]);
  const format = "spindle-classifier-1";
  writeSafetensors(path, tensors, { format, classifier: description });
}

/** What a file says of the classifier beside its tensors. */
const description = (() => {
  const { classes, model, pool, metric, validation, test } = classifier;
  return { classes, model, pool, metric, validation, test, states: ["hidden.0"] };
})();

Deno.test("loadClassifier() reads what saveClassifier() wrote", () =>
  withFile((path) => {
    const { model } = classifier;
    const counted = { ...classifier, model: { ...model, blocks: 6 }, blocksToRun: 0 };
    for (const each of [classifier, counted]) {
      saveClassifier(path, each);
      assert.deepEqual(loadClassifier(path), each);
    }
  }));

Deno.test("loadClassifier() refuses a file that does not describe a classifier", () =>
  withFile((path) => {
    writeParts(path, JSON.stringify(description));
    assert.deepEqual(loadClassifier(path), classifier);
    const keys = Object.keys(description);
    const broken = [
      "{",
      "[]",
      "null",
      ...keys.map((key) => JSON.stringify({ ...description, [key]: undefined })),
      ...keys.map((key) => JSON.stringify({ ...description, [key]: {} })),
      JSON.stringify({ ...description, metric: "guesses" }),
      JSON.stringify({ ...description, model: { ...description.model, weights: "f8" } }),
      JSON.stringify({ ...description, model: { ...description.model, blocks: -1 } }),
      JSON.stringify({ ...description, blocksToRun: "6" }),
      JSON.stringify({
        ...description,
        model: { ...description.model, blocks: 6 },
        blocksToRun: 7,
      }),
      JSON.stringify(description).replace("0.75", "1e999"),
    ];
    for (const text of broken) {
      writeParts(path, text);
      assert.throws(
        () => loadClassifier(path),
        /^SpindleError: Cannot use ".+" as a classifier as .+: run "spindle run" again$/,
        text,
      );
    }
  }));

Deno.test("loadClassifier() refuses tensors and names that do not fit together", () =>
  withFile((path) => {
    const refused = (
      tensors: Parameters<typeof writeParts>[2],
      reason: string,
      changed: Partial<typeof description> = {},
    ) => {
      writeParts(path, JSON.stringify({ ...description, ...changed }), tensors);
      assert.throws(() => loadClassifier(path), {
        name: "SpindleError",
        message: `Cannot use "${path}" as a classifier as ${reason}: run "spindle run" again`,
      });
    };
    const indices = "its neurons of hidden.0 are not different whole numbers from 0 to 2147483647";
    refused({ neurons: [3, 3] }, indices);
    refused({ neurons: [-5, 3] }, indices);
    refused({ intercept: [1, 2] }, "2 intercepts do not fit 2 classes, which take 1");
    refused({ coef: [1] }, "1 weights do not fit 2 neurons and 1 intercepts, which take 2");
    refused({ coef: [1, NaN] }, "a weight or an intercept is not a finite number");
    const states = ["hidden.0", "hidden.0"];
    refused({}, `its states are ${JSON.stringify(states)} where different names are needed`, {
      states,
    });
  }));

Deno.test("classify() refuses states that are not finite, and names the text and the neuron", () =>
  withFolder(async (folder) => {
    writeTextModel(folder);
    breakLetter(folder, "b");
    using gpu = await requestGpu();
    const neurons = [{ state: "hidden.0", indices: Uint32Array.of(0, 3) }];
    for (
      const [weights, advice] of [["f32", "from another"], ["f16", "with weights (--weights) f32"]]
    ) {
      using model = await loadModel(gpu, folder, { weights: weights as Precision });
      const own = await madeFrom(model, { neurons });
      const [prediction] = await classify(own, model, ["a c"]);
      assert.ok(prediction!.probability >= 0.5);
      await assert.rejects(
        classify(own, model, ["a c", "ab"]),
        new RegExp(
          '^SpindleError: Cannot classify "ab" as neuron 3 of hidden\\.0 is Infinity: ' +
            `make the classifier ${RegExp.escape(advice!)}`,
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
    const own = await madeFrom(model, { neurons });
    const ask = (texts: string[]) =>
      classify(own, model, texts, { onTruncated: (n) => told.push(n) });
    const whole = await ask(["a".repeat(32)]);
    assert.deepEqual(told, []);
    const cut = await ask(["a".repeat(33), "b", "a".repeat(60)]);
    assert.deepEqual(told, [2]);
    assert.deepEqual(cut[0]!.label, whole[0]!.label);
  }));

const three = { classes: ["a", "b", "c"], intercept: new Float32Array(3) };

/** Changes that leave parts of the classifier that do not fit, and what is then said of them. */
const misfits: [Partial<Classifier>, RegExp][] = [
  [{ coef: Float32Array.of(1, NaN) }, /a weight or an intercept is not a finite number$/],
  [{ intercept: Float32Array.of(Infinity) }, /a weight or an intercept is not a finite number$/],
  [{ coef: new Float32Array(1) }, /1 weights do not fit 2 neurons and 1 intercepts, which take 2$/],
  [{ coef: new Float32Array(4) }, /4 weights do not fit 2 neurons and 1 intercepts, which take 2$/],
  [{ classes: three.classes }, /1 intercepts do not fit 3 classes, which take 3$/],
  [{ ...three, coef: new Float32Array(5) }, /5 weights do not fit 2 neurons and 3 intercepts/],
  [
    { classes: ["bad", "bad"] },
    /its classes are \["bad","bad"\] where two different names or more/,
  ],
  [{ classes: ["bad"] }, /its classes are \["bad"\] where two different names or more are needed$/],
  [{ pool: "median" as Pool }, /its pool is "median" where "first" or .+ is needed$/],
  [{ metric: "guesses" as Metric }, /its metric is "guesses" where "accuracy" or "macro-f1" is/],
  [{ validation: NaN }, /a score of it is NaN where a finite number is needed$/],
  [{ test: Infinity }, /a score of it is Infinity where a finite number is needed$/],
  [{ neurons: [{ state: "hidden.0", indices: Uint32Array.of(3, 3) }] }, /neurons of hidden\.0 are/],
];

Deno.test("saveClassifier() refuses a classifier whose parts do not fit, and leaves the file", () =>
  withFile((path) => {
    const fitting = { ...classifier, ...three, coef: new Float32Array(6) };
    saveClassifier(path, fitting);
    for (const [change, reason] of misfits) {
      assert.throws(() => saveClassifier(path, { ...classifier, ...change }), reason);
    }
    assert.throws(
      () => saveClassifier(path, { ...classifier, validation: NaN }),
      /^SpindleError: Cannot save a classifier to ".+\.safetensors" as a score of it is NaN/,
    );
    assert.deepEqual(loadClassifier(path), fitting);
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
        await madeFrom(model, { classes, neurons, coef, intercept }),
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

Deno.test("classify() refuses a neuron that the model lacks", () =>
  withTextModel({}, async (model) => {
    const neurons = [{ state: "hidden.0", indices: Uint32Array.of(11, 12) }];
    await assert.rejects(
      classify(await madeFrom(model, { neurons }), model, ["a fine film"]),
      /^SpindleError: Cannot classify with neuron 12 of hidden\.0 as the model has 12 there/,
    );
  }));

Deno.test("classify() looks at each batch when it has run, and keeps no states", () =>
  withFolder(async (folder) => {
    writeTextModel(folder);
    breakLetter(folder, "b");
    using gpu = await requestGpu();
    using model = await loadModel(gpu, folder);
    const own = await madeFrom(model, {
      neurons: [{ state: "hidden.0", indices: Uint32Array.of(0, 3) }],
    });
    let batches = 0;
    const check = model.check.bind(model);
    model.check = () => {
      batches++;
      check();
    };
    const texts = Array<string>(model.tokensPerBatch).fill("acacac");
    assert.equal((await classify(own, model, texts)).length, texts.length);
    assert.ok(batches > 4, `${batches} batches`);
    batches = 0;
    await assert.rejects(classify(own, model, ["b", ...texts]), /Cannot classify "b" as neuron 3/);
    assert.equal(batches, 2, "the second runs while the first is looked at");
  }));

Deno.test("classify() gives others their turns while it tokenizes", () =>
  withTextModel({}, async (model) => {
    const neurons = [{ state: "hidden.0", indices: Uint32Array.of(11, 0) }];
    const own = await madeFrom(model, { neurons });
    using turns = new Turns();
    const seen = turnsOfEncoding(model, turns);
    const texts = Array.from({ length: 300 }, (_, i) => "ab".repeat(i % 5 + 1));
    const found = await classify(own, model, texts);
    assert.ok(seen.length >= 3 && new Set(seen).size === seen.length, seen.join());
    const alone = await classify(own, model, texts.slice(-5));
    assert.deepEqual(found.slice(-5).map(({ label }) => label), alone.map(({ label }) => label));
  }));

Deno.test("classify() refuses a classifier whose parts do not fit", () =>
  withTextModel({}, async (model) => {
    const neurons = [{ state: "hidden.0", indices: Uint32Array.of(11, 0) }];
    for (const [change, reason] of misfits) {
      await assert.rejects(
        classify({ ...classifier, neurons, ...change }, model, ["a fine film"]),
        ({ name, message }) =>
          name === "SpindleError" && message.startsWith("Cannot classify with a classifier as ") &&
          reason.test(message),
      );
    }
  }));

Deno.test("classify() refuses a model of the same shape that the classifier is not made from", () =>
  withTextModel({}, async (model, folder) => {
    const neurons = [{ state: "hidden.0", indices: Uint32Array.of(11, 0) }];
    const own = await madeFrom(model, { neurons });
    const other = join(folder, "other");
    writeTextModel(other);
    breakLetter(other, "t");
    using changed = await loadModel(model.gpu, other);
    await assert.rejects(classify(own, changed, ["a c"]), {
      name: "SpindleError",
      message: `Cannot classify with the model "${other}" as the classifier was made from ` +
        `another (model, SHA-256 ${own.model.sha256.slice(0, 12)}…): pass the folder of that one ` +
        "(--model FOLDER on the command line)",
    });
    assert.equal((await classify(own, model, ["a c"])).length, 1);
  }));

Deno.test("classify() takes classifiers that are objects of the caller's own kind", () =>
  withTextModel({}, async (model) => {
    const neurons = [{ state: "hidden.0", indices: Uint32Array.of(11, 3) }];
    const plain = await madeFrom(model, { neurons });
    const expected = await classify(plain, model, ["abc"]);
    const proxy = new Proxy(plain, {});
    const getters = Object.create({ get: () => {} }, Object.getOwnPropertyDescriptors(plain));
    const withMethod = Object.assign({ hello() {} }, plain);
    for (const classifier of [proxy, getters, withMethod] as Classifier[]) {
      assert.deepEqual(await classify(classifier, model, ["abc"]), expected);
    }
  }));

Deno.test("a path that is a URL is named in a sentence wherever one is taken", () =>
  withTextModel({}, async (model, folder) => {
    const url = new URL(`file://${folder}`) as unknown as string;
    const named = /^SpindleError: Cannot use URL \{[^]+\} for .+: give its path as a text$/;
    assert.throws(() => loadClassifier(url), named);
    const own = await madeFrom(model);
    await assert.rejects(loadClassifierModel(model.gpu, own, url), named);
    const dataset = await loadDataset({ name: "mr" }, { limit: 20 });
    await assert.rejects(
      extractFeatures(model, dataset, { sites: ["hidden"], pools: ["mean"], features: url }),
      named,
    );
  }));
