import assert from "node:assert/strict";
import { join } from "node:path";
import { loadDataset } from "../../src/data/load_dataset.ts";
import { extractFeatures } from "../../src/features/extract.ts";
import type { Precision } from "../../src/gpu/precision.ts";
import { loadModel } from "../../src/model/load.ts";
import type { Classifier } from "../../src/spin/classifier.ts";
import { loadClassifier } from "../../src/spin/classifier_file.ts";
import { loadClassifierModel } from "../../src/spin/classifier_model.ts";
import { classify } from "../../src/spin/classify.ts";
import { requestGpu } from "../../src/tuning/request.ts";
import { withFolder } from "../folder.ts";
import { breakLetter, withTextModel, writeTextModel } from "../model/text_model.ts";
import { randomNumbers } from "../numbers.ts";
import { Turns, turnsOfEncoding } from "../turns.ts";
import { classifier, madeFrom, misfits } from "./classifiers.ts";

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
