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
import { loadModel } from "../../src/model/load.ts";
import { verifyModel } from "../../src/model/verify.ts";
import { requestGpu } from "../../src/tuning/request.ts";
import { withFolder } from "../folder.ts";
import { rewriteModel } from "./rewrite.ts";
import { writeTextModel } from "./text_model.ts";

const llama = fileURLToPath(new URL("golden/llama", import.meta.url));
const reference = join(llama, "golden.safetensors");

interface IntegerTensor {
  readonly shape: readonly number[];
  readonly data: Int32Array;
}

/** Writes the golden file anew with other numbers, names, mask or texts, or without some tensors. */
function writeGolden(
  path: string,
  { change = () => {}, rename = (name) => name, changeMask = (mask) => mask, texts }: {
    change?: (name: string, data: Float32Array) => void;
    /** A state's new name; undefined leaves it out. */
    rename?: (name: string) => string | undefined;
    changeMask?: (mask: IntegerTensor) => IntegerTensor;
    texts?: string[];
  },
): void {
  using file = openSafetensors(reference);
  const tensors = new Map<string, TensorData>();
  for (const { name, dtype, shape } of file.tensors.values()) {
    if (dtype !== "F32") {
      const integers = { shape, data: new Int32Array(readIntegers(file, name)) };
      const changed = name === "attention_mask" ? changeMask(integers) : integers;
      tensors.set(name, { dtype: "I32", ...changed });
      continue;
    }
    const renamed = rename(name);
    if (renamed === undefined) continue;
    const data = readFloats(file, name);
    change(name, data);
    tensors.set(renamed, { dtype, shape, data });
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

Deno.test("verifyModel() refuses a mask of another shape, or with other numbers", () =>
  withFolder(async (folder) => {
    const golden = join(folder, "golden.safetensors");
    using gpu = await requestGpu();
    using model = await loadModel(gpu, llama);
    writeGolden(golden, {
      changeMask: ({ shape, data }) => ({ shape: shape.toReversed(), data }),
    });
    await assert.rejects(verifyModel(model, golden), /are not both \[sentences, tokens\]: make/);
    writeGolden(golden, {
      changeMask: ({ shape, data }) => ({ shape, data: data.map((x) => 2 * x) }),
    });
    await assert.rejects(
      verifyModel(model, golden),
      /as its attention_mask holds 2: it is 1 for a/,
    );
  }));

Deno.test("verifyModel() runs only what the states of the golden file need", () =>
  withFolder(async (folder) => {
    const golden = join(folder, "golden.safetensors");
    using gpu = await requestGpu();
    using model = await loadModel(gpu, llama, { states: ["hidden.1"] });
    writeGolden(golden, { rename: (name) => name === "hidden.1" ? name : undefined });
    const { passed, tensors } = await verifyModel(model, golden);
    assert.deepEqual([passed, tensors.map(({ name }) => name)], [true, ["hidden.1"]]);
  }));

Deno.test("verifyModel() refuses states that are none, and of another shape, before it runs", () =>
  withFolder(async (folder) => {
    const golden = join(folder, "golden.safetensors");
    using gpu = await requestGpu();
    using model = await loadModel(gpu, llama);
    let runs = 0;
    const capture = model.capture.bind(model);
    model.capture = (...asked) => {
      runs++;
      return capture(...asked);
    };
    const cases: [last: string | undefined, message: RegExp][] = [
      ["hidden.9", /its tensor "hidden\.9" is no state of the model: the states are hidden\.0, /],
      ["hidden.3.last", /its tensor "hidden\.3\.last" has the shape \[.*\]: the model makes \[/],
      [undefined, /it holds no states: make it anew$/],
    ];
    for (const [last, message] of cases) {
      writeGolden(golden, {
        rename: (name) => last === undefined ? undefined : name === "hidden.3" ? last : name,
      });
      await assert.rejects(verifyModel(model, golden), message);
    }
    assert.equal(runs, 0);
    await verifyModel(model, reference);
    assert.ok(runs > 0);
  }));
