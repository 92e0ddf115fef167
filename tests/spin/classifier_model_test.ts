import assert from "node:assert/strict";
import { join } from "node:path";
import { modelSha256 } from "../../src/model/files.ts";
import { loadModel } from "../../src/model/load.ts";
import type { Classifier } from "../../src/spin/classifier.ts";
import { loadClassifierModel } from "../../src/spin/classifier_model.ts";
import { classify } from "../../src/spin/classify.ts";
import { requestGpu } from "../../src/tuning/request.ts";
import { SpindleError } from "../../src/util.ts";
import { withFolder } from "../folder.ts";
import { breakLetter, writeTextModel } from "../model/text_model.ts";

/** A classifier that reads the first block of a model. */
const shape: Omit<Classifier, "model"> = {
  classes: ["bad", "good"],
  pool: "mean",
  neurons: [{ state: "hidden.1", indices: Uint32Array.of(3) }],
  coef: Float32Array.of(1),
  intercept: Float32Array.of(0),
  metric: "accuracy",
  validation: 1,
  test: 1,
};

/** Such a classifier of the model in a folder. */
async function classifierOf(folder: string): Promise<Classifier> {
  const sha256 = await modelSha256(folder);
  return { ...shape, model: { name: "tiny", sha256, folder, weights: "f16" } };
}

Deno.test("loadClassifierModel() loads the blocks and the float type that a classifier wants", () =>
  withFolder(async (folder) => {
    const [before, moved] = [join(folder, "before"), join(folder, "moved")];
    writeTextModel(before);
    const classifier = await classifierOf(before);
    using gpu = await requestGpu();
    using model = await loadClassifierModel(gpu, classifier);
    assert.deepEqual([model.spec.stacks[0]!.blocks, model.stacks[0]!.blocks.length], [2, 1]);
    assert.equal(model.weights, "f16");
    Deno.renameSync(before, moved);
    await assert.rejects(
      loadClassifierModel(gpu, classifier),
      /^SpindleError: Cannot classify as the classifier's model \(tiny\) cannot be read from /,
    );
    using found = await loadClassifierModel(gpu, classifier, moved);
    assert.equal(found.folder, moved);
  }));

Deno.test("loadClassifierModel() tells why a model that is there cannot be read", () =>
  withFolder(async (folder) => {
    writeTextModel(folder);
    const classifier = await classifierOf(folder);
    for (const { name } of Deno.readDirSync(folder)) Deno.removeSync(join(folder, name));
    using gpu = await requestGpu();
    const reason: unknown = await modelSha256(folder).catch((error) => error);
    assert.ok(reason instanceof SpindleError);
    await assert.rejects(loadClassifierModel(gpu, classifier), { message: reason.message });
  }));

Deno.test({
  name: "loadClassifierModel() tells that it may not read",
  permissions: { read: false },
  async fn() {
    using gpu = await requestGpu();
    const model = { name: "tiny", sha256: "", folder: "/models/tiny" };
    await assert.rejects(loadClassifierModel(gpu, { ...shape, model }), {
      name: "SpindleError",
      message: 'Cannot look for "/models/tiny" as Deno was not granted access to it: pass ' +
        "--allow-read",
    });
  },
});

Deno.test("a model that was loaded by a relative path is found from anywhere", () =>
  withFolder(async (temporary) => {
    const folder = Deno.realPathSync(temporary);
    writeTextModel(join(folder, "model"));
    const classifier = await classifierOf(join(folder, "model"));
    using gpu = await requestGpu();
    const before = Deno.cwd();
    using restored = new DisposableStack();
    restored.defer(() => Deno.chdir(before));
    Deno.chdir(folder);
    using model = await loadModel(gpu, "model");
    Deno.chdir(before);
    assert.equal((await classify(classifier, model, ["a"])).length, 1);
  }));

Deno.test("loadClassifierModel() refuses another model before it loads it", () =>
  withFolder(async (folder) => {
    writeTextModel(folder);
    const classifier = await classifierOf(folder);
    breakLetter(folder, "t");
    const other = { ...classifier, neurons: [{ state: "hidden.9", indices: Uint32Array.of(3) }] };
    using gpu = await requestGpu();
    for (const chosen of [undefined, folder]) {
      await assert.rejects(
        loadClassifierModel(gpu, other, chosen),
        /^SpindleError: Cannot classify with the model ".+" as the classifier was made from /,
      );
    }
  }));
