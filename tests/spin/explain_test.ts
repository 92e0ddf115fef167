import assert from "node:assert/strict";
import { loadedSha256 } from "../../src/model/files.ts";
import type { Model } from "../../src/model/model.ts";
import type { Classifier } from "../../src/spin/classifier.ts";
import { classify } from "../../src/spin/classify.ts";
import { explain } from "../../src/spin/explain.ts";
import { withTextModel } from "../model/text_model.ts";
import { assertClose, randomNumbers } from "../numbers.ts";

const neurons = [
  { state: "hidden.0", indices: Uint32Array.of(11, 0) },
  { state: "hidden.1", indices: Uint32Array.of(7) },
];

/** A classifier of three neurons with random weights, made from that model. */
async function classifierOf(model: Model, classes: string[]): Promise<Classifier> {
  const K = classes.length === 2 ? 1 : classes.length;
  return {
    classes,
    model: { name: "model", sha256: await loadedSha256(model), folder: model.folder },
    pool: "mean",
    neurons,
    coef: randomNumbers(3 * K).map((weight) => 3 * weight),
    intercept: randomNumbers(K, 2),
    metric: "accuracy",
    validation: 0.75,
    test: 0.5,
  };
}

const classesToTry = [["bad", "good"], ["a", "b", "c"], ["a", "b", "c", "d"]];

Deno.test("explain() tells weight times value of each neuron, from which the logits come", () =>
  withTextModel({}, async (model) => {
    const texts = ["a fine game", "no", "a mad slog"];
    const { states } = await model.capture(model.tokenize(texts), {
      states: ["hidden.0", "hidden.1"],
      pools: ["mean"],
    });
    for (const classes of classesToTry) {
      const classifier = await classifierOf(model, classes);
      const { coef, intercept } = classifier;
      const explanations = await explain(classifier, model, texts);
      assert.equal(explanations.length, texts.length);
      explanations.forEach(({ logits, neurons: explained, probabilities }, row) => {
        const places = [["hidden.0", 11], ["hidden.0", 0], ["hidden.1", 7]] as const;
        assert.deepEqual(explained.map(({ state, index }) => [state, index]), places);
        places.forEach(([state, index], i) => {
          const { width, values } = states.get(state)!;
          const { value, weights, contributions } = explained[i]!;
          assertClose([value], [values.mean![row * width + index]!], 1e-6, "value");
          const expected = Array.from(intercept, (_, k) => coef[k * 3 + i]!);
          assert.deepEqual(weights, expected);
          assert.deepEqual(contributions, expected.map((weight) => weight * value));
        });
        const sums = Array.from(
          intercept,
          (shift, k) => explained.reduce((sum, each) => sum + each.contributions[k]!, shift),
        );
        assertClose(logits, sums, 1e-12, "logits");
        const each = sums.map((logit) => 1 / (1 + Math.exp(-logit)));
        const total = each.reduce((a, b) => a + b);
        const expected = classes.length === 2
          ? [1 - each[0]!, each[0]!]
          : each.map((p) => p / total);
        assertClose(Object.values(probabilities), expected, 1e-12, "probabilities");
      });
    }
  }));

Deno.test("explain() predicts what classify() does, and tells of cut texts as it does", () =>
  withTextModel({}, async (model) => {
    const texts = ["a fine game", "a".repeat(40), "no", "b".repeat(33)];
    for (const classes of classesToTry) {
      const classifier = await classifierOf(model, classes);
      const told: number[] = [];
      const onTruncated = (texts: number) => void told.push(texts);
      const predictions = await classify(classifier, model, texts, { onTruncated });
      const explanations = await explain(classifier, model, texts, { onTruncated });
      assert.deepEqual(
        explanations.map(({ logits: _, neurons: __, ...prediction }) => prediction),
        predictions,
      );
      assert.deepEqual(told, [2, 2]);
      const nobody = { onTruncated: undefined };
      assert.deepEqual(await explain(classifier, model, [], nobody), []);
    }
  }));

Deno.test("explain() refuses what classify() refuses", () =>
  withTextModel({}, async (model) => {
    const classifier = await classifierOf(model, ["bad", "good"]);
    const refused = (change: Partial<Classifier>, message: RegExp) =>
      assert.rejects(explain({ ...classifier, ...change }, model, ["a"]), message);
    await refused(
      { coef: new Float32Array(4) },
      /^SpindleError: Cannot classify with a classifier/,
    );
    const other = { ...classifier.model, sha256: "0".repeat(64) };
    await refused({ model: other }, /^SpindleError: Cannot classify with the model ".+" as the /);
    for (const ask of [classify, explain]) {
      await assert.rejects(
        ask(classifier, model, ["a", ""]),
        /Cannot classify text 2 as the model/,
      );
      for (const texts of ["a", ["b", null]] as unknown as string[][]) {
        await assert.rejects(ask(classifier, model, texts), /^SpindleError: Cannot use .+ for /);
      }
    }
  }));

Deno.test("classify() and explain() answer for what they were given when they were called", () =>
  withTextModel({}, async (model) => {
    const texts = ["a fine game", "no", "a mad slog"];
    for (const ask of [classify, explain]) {
      const classifier = await classifierOf(model, ["a", "b", "c"]);
      const expected = await ask(classifier, model, texts);
      const [given, reused] = [structuredClone(classifier), [...texts]];
      const answer = ask(given, model, reused);
      reused.splice(0, 3, "slog");
      given.coef.fill(0);
      given.intercept.fill(0);
      given.neurons[0]!.indices.fill(5);
      (given.classes as string[]).reverse();
      assert.deepEqual(await answer, expected);
    }
  }));
