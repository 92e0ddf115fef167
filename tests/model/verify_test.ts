import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  openSafetensors,
  readFloats,
  readIntegers,
  type TensorData,
  writeSafetensors,
} from "../../src/formats/safetensors.ts";
import { loadModel } from "../../src/model/model.ts";
import { verifyModel } from "../../src/model/verify.ts";
import { requestGpu } from "../../src/tuning/request.ts";
import { withFolder } from "../folder.ts";
import { rewriteModel } from "./rewrite.ts";
import { writeTextModel } from "./text_model.ts";

const llama = fileURLToPath(new URL("golden/llama", import.meta.url));
const reference = join(llama, "golden.safetensors");

/** Writes the golden file anew with other numbers of a tensor, and with texts. */
function writeGolden(
  path: string,
  { change = () => {}, texts }: {
    change?: (name: string, data: Float32Array) => void;
    texts?: string[];
  },
): void {
  using file = openSafetensors(reference);
  const tensors = new Map<string, TensorData>();
  for (const { name, dtype, shape } of file.tensors.values()) {
    if (dtype !== "F32") {
      tensors.set(name, { dtype: "I32", shape, data: new Int32Array(readIntegers(file, name)) });
      continue;
    }
    const data = readFloats(file, name);
    change(name, data);
    tensors.set(name, { dtype, shape, data });
  }
  writeSafetensors(path, tensors, { ...(texts && { texts: JSON.stringify(texts) }) });
}

/** The texts of the golden file's token ids. */
function goldenTexts(): string[] {
  using file = openSafetensors(reference);
  const ids = readIntegers(file, "input_ids"), mask = readIntegers(file, "attention_mask");
  const [count, padded] = file.tensors.get("input_ids")!.shape as [number, number];
  return Array.from({ length: count }, (_, i) => {
    const row = [...ids.subarray(i * padded, (i + 1) * padded)];
    const real = row.filter((_, t) => mask[i * padded + t] === 1);
    return real.map((id) => id === 2 ? " " : String.fromCharCode(97 + id - 3)).join("");
  });
}

Deno.test("verifyModel() fails where a number of the reference is off, or none", () =>
  withFolder(async (folder) => {
    const golden = join(folder, "golden.safetensors");
    using gpu = await requestGpu();
    using model = await loadModel(gpu, llama);
    assert.ok((await verifyModel(model, reference)).passed);
    for (const wrong of [0.01, NaN, Infinity]) {
      writeGolden(golden, {
        change(name, data) {
          if (name === "hidden.1") data[0]! += wrong;
        },
      });
      const { passed, tensors } = await verifyModel(model, golden);
      assert.equal(passed, false);
      const failed = tensors.filter((tensor) => !tensor.passed).map(({ name }) => name);
      assert.deepEqual(failed, ["hidden.1"]);
    }
  }));

Deno.test("verifyModel() fails where the model computes what is no number", () =>
  withFolder(async (folder) => {
    rewriteModel(llama, folder, {
      change(name, data) {
        if (name === "model.norm.weight") data[5] = NaN;
      },
    });
    using gpu = await requestGpu();
    using model = await loadModel(gpu, folder);
    const { passed, tensors: found } = await verifyModel(model, reference);
    assert.equal(passed, false);
    const failed = found.filter((tensor) => !tensor.passed);
    assert.deepEqual(failed.map(({ name, maxRelative }) => [name, maxRelative]), [
      ["hidden.3", Infinity],
    ]);
  }));

Deno.test("verifyModel() fails where the texts of the reference have other token ids", () =>
  withFolder(async (folder) => {
    const golden = join(folder, "golden.safetensors");
    writeTextModel(folder);
    using gpu = await requestGpu();
    using model = await loadModel(gpu, folder);
    const texts = goldenTexts();
    writeGolden(golden, { texts });
    const { passed, idsEqual } = await verifyModel(model, golden);
    assert.deepEqual([passed, idsEqual], [true, true]);
    writeGolden(golden, { texts: [...texts.slice(1), "a"] });
    const other = await verifyModel(model, golden);
    assert.ok(other.tensors.every((tensor) => tensor.passed));
    assert.deepEqual([other.passed, other.idsEqual], [false, false]);
  }));
