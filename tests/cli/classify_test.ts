import assert from "node:assert/strict";
import { join } from "node:path";
import { modelSha256 } from "../../src/model/files.ts";
import type { Classifier } from "../../src/spin/classifier.ts";
import { saveClassifier } from "../../src/spin/classifier_file.ts";
import { withFolder } from "../folder.ts";
import { writeTextModel } from "../model/text_model.ts";
import { runSpindle, startSpindle } from "./support.ts";

/** Calls `body` with a classifier of which every text is of the first class, and its model. */
function withClassifier(
  classes: [string, string],
  body: (path: string, model: string) => Promise<void>,
): Promise<void> {
  return withFolder(async (folder) => {
    const model = join(folder, "model");
    Deno.mkdirSync(model);
    writeTextModel(model);
    const classifier: Classifier = {
      classes,
      model: { name: "tiny", sha256: await modelSha256(model), folder: model },
      pool: "last",
      neurons: [{ state: "hidden.0", indices: Uint32Array.of(3) }],
      coef: Float32Array.of(0),
      intercept: Float32Array.of(-1),
      metric: "accuracy",
      validation: 1,
      test: 1,
    };
    const path = join(folder, "classifier.safetensors");
    saveClassifier(path, classifier);
    await body(path, model);
  });
}

Deno.test("spindle classify tells how many texts were cut, and to how many tokens", () =>
  withClassifier(["bad", "good"], async (path) => {
    const line = "bad\t0.7311\n";
    const whole = await runSpindle(["classify", path, "a".repeat(32)]);
    assert.deepEqual(whole, { code: 0, stdout: line, stderr: "" });
    const one = await runSpindle(["classify", path, "a".repeat(33), "a"]);
    assert.deepEqual(one, {
      code: 0,
      stdout: line.repeat(2),
      stderr: "1 text lost its end: the model takes 32 tokens of a text\n",
    });
  }));

Deno.test("spindle classify keeps a label with line ends and tabs in its line and column", () => {
  const label = "very\n\tbad\u001b[0m\u0085";
  return withClassifier([label, "good"], async (path) => {
    const { stdout } = await runSpindle(["classify", path, "a"]);
    assert.equal(stdout, "very\\u000a\\u0009bad\\u001b[0m\\u0085\t0.7311\n");
    const json = await runSpindle(["classify", path, "a", "--json"]);
    assert.equal(JSON.parse(json.stdout).label, label);
  });
});

Deno.test("spindle classify asks for the model where it was moved", () =>
  withClassifier(["bad", "good"], async (path, model) => {
    const moved = `${model}-moved`;
    Deno.renameSync(model, moved);
    assert.deepEqual(await runSpindle(["classify", path, "a"]), {
      code: 1,
      stdout: "",
      stderr: "spindle: Cannot classify as the classifier's model (tiny) cannot be read from " +
        `"${model}" any more: pass the folder of that one (--model FOLDER on the command line)\n`,
    });
    const { code, stderr } = await runSpindle(["classify", path, "a", "--model", moved]);
    assert.deepEqual([code, stderr], [0, ""]);
    const other = await runSpindle(["classify", path, "a", "--model", model]);
    assert.match(other.stderr, /^spindle: Cannot load a model from [^\n]+ as it is no folder: /);
  }));

Deno.test("spindle classify answers a line before the next one has come", () =>
  withClassifier(["bad", "good"], async (path) => {
    await using process = startSpindle(["classify", path]);
    using cleanup = new DisposableStack();
    const limit = setTimeout(() => process.kill(), 60_000);
    cleanup.defer(() => clearTimeout(limit));
    const writer = process.stdin.getWriter();
    const answers = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    for (const _ of ["first", "second"]) {
      await writer.write(new TextEncoder().encode("a\n"));
      assert.equal((await answers.read()).value, "bad\t0.7311\n");
    }
    await writer.close();
    assert.equal((await answers.read()).done, true);
    assert.equal((await process.status).code, 0);
    await process.stderr.cancel();
  }));

Deno.test("spindle classify answers what comes before a text without tokens, and names that one", () =>
  withClassifier(["bad", "good"], async (path) => {
    const answer = "bad\t0.7311\n";
    const refusal = (text: string) =>
      `spindle: Cannot classify ${text} as the model has no tokens for it: leave it out\n`;
    for (const [texts, before] of [[["a", "b", "", "c", ""], 2], [["", "a"], 0]] as const) {
      assert.deepEqual(await runSpindle(["classify", path, ...texts]), {
        code: 1,
        stdout: answer.repeat(before),
        stderr: refusal(`text ${before + 1}`),
      });
    }
    const { stdout: explained, ...ended } = await runSpindle(["explain", path, "a", ""]);
    assert.deepEqual(ended, { code: 1, stderr: refusal("text 2") });
    assert.match(explained, /^bad +0\.7311 +a\n/);
    const process = startSpindle(["classify", path]);
    const writer = process.stdin.getWriter();
    await writer.write(new TextEncoder().encode("a\n".repeat(300) + "\na\n"));
    await writer.close();
    const { code, stdout, stderr } = await process.output();
    const [told, said] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assert.deepEqual([code, told, said], [1, answer.repeat(300), refusal("line 301 of stdin")]);
  }));
