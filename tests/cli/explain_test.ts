import assert from "node:assert/strict";
import { join } from "node:path";
import { describeText } from "../../src/cli/explain_text.ts";
import { modelSha256 } from "../../src/model/files.ts";
import type { Classifier } from "../../src/spin/classifier.ts";
import { saveClassifier } from "../../src/spin/classifier_file.ts";
import { withFolder } from "../folder.ts";
import { writeTextModel } from "../model/text_model.ts";
import { runSpindle } from "./support.ts";

/** Calls `body` with the file of a classifier of five neurons, some of its parts changed. */
function withClassifier(
  change: Partial<Classifier>,
  body: (path: string, model: string) => Promise<void>,
): Promise<void> {
  return withFolder(async (folder) => {
    const model = join(folder, "model");
    writeTextModel(model);
    const path = join(folder, "classifier.safetensors");
    const sha256 = await modelSha256(model);
    saveClassifier(path, {
      classes: ["bad", "go\nod"],
      model: { name: "ti\x1bny", sha256, folder: model, blocks: 2 },
      blocksToRun: 1,
      pool: "mean",
      neurons: [
        { state: "hidden.0", indices: Uint32Array.of(11, 0) },
        { state: "hidden.1", indices: Uint32Array.of(7, 3, 4) },
      ],
      coef: Float32Array.of(1, -2, 0, 3, -0.5),
      intercept: Float32Array.of(0.5),
      metric: "accuracy",
      validation: 0.75,
      test: 0.5,
      ...change,
    });
    await body(path, model);
  });
}

Deno.test("spindle explain shows what a classifier is made of, without its model", () =>
  withClassifier({}, async (path, model) => {
    const digest = (await modelSha256(model)).slice(0, 12);
    Deno.removeSync(model, { recursive: true });
    const { code, stdout, stderr } = await runSpindle(["explain", path, "--top", "3"]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.equal(
      stdout,
      `\
classes   bad, go\\u000aod
model     ti\\u001bny, float32 weights, SHA-256 ${digest}…
blocks    runs 1 of 2
pool      mean
scores    accuracy 75.00 in validation, 50.00 in test, percent
neurons   5 of 2 states, 4 with a weight other than 0

state     neurons
hidden.0        2
hidden.1        3

strongest  to the logit of  index  weight
hidden.1   go\\u000aod           3   3.000
hidden.0   go\\u000aod           0  -2.000
hidden.0   go\\u000aod          11   1.000
`,
    );
    const json = JSON.parse((await runSpindle(["explain", path, "--json"])).stdout);
    assert.deepEqual([json.blocksToRun, json.neurons, json.weighted], [1, 5, 4]);
    const states = [{ state: "hidden.0", neurons: 2 }, { state: "hidden.1", neurons: 3 }];
    assert.deepEqual(json.states, states);
    assert.deepEqual(json.strongest.map(({ weight }: { weight: number }) => weight), [
      3,
      -2,
      1,
      -0.5,
      0,
    ]);
    const { stderr: refusal } = await runSpindle(["explain", path, "--model", model]);
    assert.match(refusal, /^spindle: Cannot use --model without a text: leave it out, or pass/);
  }));

Deno.test("spindle explain names the class to whose logit a weight belongs", () => {
  const coef = Float32Array.from({ length: 15 }, (_, i) => i === 8 ? 9 : -i / 10);
  const parts = { classes: ["a", "b", "c"], coef, intercept: new Float32Array(3) };
  return withClassifier(parts, async (path) => {
    const { stdout } = await runSpindle(["explain", path, "--top", "2"]);
    assert.match(stdout, /\nhidden\.1 +b +3 +9\.000\nhidden\.1 +c +4 +-1\.400\n$/);
  });
});

/** A classifier of four neurons with these parts, and what it says of a text. */
function explained(classes: string[], label: string, logits: number[]) {
  const neurons = [[1, 3], [-0.5, 4], [0, 7], [2, 2]].map(([value, weight], index) => {
    const weights = logits.map((_, k) => weight! - k);
    const contributions = weights.map((each) => each * value!);
    return { state: "hidden.0", index, value: value!, weights, contributions };
  });
  const intercept = Float32Array.from(logits, (_, k) => k + 0.5);
  const classifier = { classes, intercept } as unknown as Classifier;
  return {
    classifier,
    explanation: { label, probability: 0.9, probabilities: {}, logits, neurons },
  };
}

Deno.test("describeText() tells who spoke for a label and who against, the strongest first", () => {
  const { classifier, explanation } = explained(["bad", "good"], "good", [5.5]);
  const { for: pro, against, others, ...rest } = describeText("a", classifier, explanation, 1);
  const speaker = { state: "hidden.0", index: 3, value: 2, weight: 2, contribution: 4 };
  assert.deepEqual(pro, [speaker]);
  assert.deepEqual(against.map(({ contribution }) => contribution), [-2]);
  assert.deepEqual(others, { neurons: 2, contribution: 3 });
  assert.deepEqual([rest.intercept, rest.logit, rest.logitOf], [0.5, 5.5, "good"]);
});

Deno.test("describeText() takes what lowers the only logit for the first of two classes", () => {
  const { classifier, explanation } = explained(["bad", "good"], "bad", [5.5]);
  const told = describeText("a", classifier, explanation, 4);
  assert.deepEqual(told.for.map(({ contribution }) => contribution), [-2]);
  assert.deepEqual(told.against.map(({ contribution }) => contribution), [4, 3]);
  assert.deepEqual(told.others, { neurons: 1, contribution: 0 });
  assert.equal(told.logitOf, "good");
});

Deno.test("describeText() tells of the logit of the label where classes are three", () => {
  const { classifier, explanation } = explained(["a", "b", "c"], "b", [7, 5, 3]);
  const told = describeText("a", classifier, explanation, 4);
  assert.deepEqual(told.for.map(({ contribution }) => contribution), [2, 2]);
  assert.deepEqual(told.against.map(({ weight }) => weight), [3]);
  assert.deepEqual([told.intercept, told.logit, told.logitOf], [1.5, 5, "b"]);
});

Deno.test("spindle explain --json tells as much of each text, beside what spindle classify does", () =>
  withClassifier({}, async (path) => {
    const texts = ["a fine game", "b".repeat(40)];
    const asked = (command: string) => runSpindle([command, path, ...texts, "--json"]);
    const { stdout, stderr } = await asked("explain");
    assert.equal(stderr, "1 text lost its end: the model takes 32 tokens of a text\n");
    const predictions = (await asked("classify")).stdout.trim().split("\n");
    stdout.trim().split("\n").forEach((line, i) => {
      const { text, label, probability, probabilities, ...told } = JSON.parse(line);
      assert.equal(text, texts[i]);
      assert.deepEqual({ label, probability, probabilities }, JSON.parse(predictions[i]!));
      const all: { value: number; weight: number; contribution: number }[] = [
        ...told.for,
        ...told.against,
      ];
      for (const each of all) assert.equal(each.contribution, each.weight * each.value);
      assert.equal(told.others.neurons, 5 - all.length);
      const sum = all.reduce((sum, each) => sum + each.contribution, told.intercept);
      assert.ok(Math.abs(sum + told.others.contribution - told.logit) < 1e-9);
      assert.ok(Math.abs(1 / (1 + Math.exp(-told.logit)) - probabilities["go\nod"]) < 1e-12);
    });
  }));

Deno.test("spindle explain shows a text's neurons in aligned columns, the strongest first", () =>
  withClassifier({ intercept: Float32Array.of(-9) }, async (path) => {
    const { code, stdout } = await runSpindle(["explain", path, `a fine\tgame ${"s".repeat(60)}`]);
    assert.equal(code, 0);
    const [head, blank, ...lines] = stdout.trimEnd().split("\n");
    assert.equal(head, `bad  ${head!.slice(5, 11)}  a fine\\u0009game ${"s".repeat(48)}…`);
    assert.equal(blank, "");
    assert.match(lines[0]!, /^for bad +index +value +weight +contribution$/);
    assert.ok(lines.includes("against bad"));
    assert.match(lines.at(-3)!, /^1 other +\+0\.0000$/);
    assert.match(lines.at(-2)!, /^intercept +-9\.0000$/);
    assert.match(lines.at(-1)!, /^logit of go\\u000aod +-\d+\.\d{4}$/);
    assert.ok(
      lines.every((line) => [lines[0]!.length, "against bad".length].includes(line.length)),
    );
    const numbers = lines.filter((line) => /[+-]\d+\.\d{4}$/.test(line))
      .map((line) => Number(line.match(/[+-]\d+\.\d{4}$/)![0]));
    const logit = numbers.pop()!;
    assert.ok(Math.abs(numbers.reduce((a, b) => a + b) - logit) < 5e-4);
    const against = lines.indexOf("against bad");
    const sizes = (rows: string[]) =>
      rows.map((row) => Math.abs(Number(row.trim().split(/ +/)[4])));
    for (const list of [sizes(lines.slice(1, against)), sizes(lines.slice(against + 1, -3))]) {
      assert.deepEqual(list, list.toSorted((a, b) => b - a));
    }
  }));
