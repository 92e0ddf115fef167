import assert from "node:assert/strict";
import { join } from "node:path";
import { type TensorData, writeSafetensors } from "../../src/formats/safetensors.ts";
import { loadClassifier, saveClassifier } from "../../src/spin/classifier_file.ts";
import { withFolder } from "../folder.ts";
import { classifier, misfits, three } from "./classifiers.ts";

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
