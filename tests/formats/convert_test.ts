import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { convertWeights } from "../../src/formats/convert.ts";
import { bfloat16ToFloat32, float32ToBfloat16 } from "../../src/formats/float.ts";
import { openSafetensors, readFloats, writeSafetensors } from "../../src/formats/safetensors.ts";
import { SpindleError } from "../../src/util.ts";
import { withFolder } from "../folder.ts";
import { Turns } from "../turns.ts";

function writeModel(folder: string, values: number[]): void {
  Deno.mkdirSync(folder);
  Deno.writeTextFileSync(`${folder}/config.json`, `{"model_type":"bert"}`);
  writeSafetensors(
    `${folder}/model.safetensors`,
    new Map([
      ["weight", { dtype: "F32", shape: [values.length], data: new Float32Array(values) }],
      ["ids", { dtype: "I64", shape: [1], data: new BigInt64Array([5n]) }],
    ]),
  );
}

Deno.test("convertWeights() rounds floats, keeps integers and copies the configuration", () =>
  withFolder(async (folder) => {
    const values = [1, -0.1, 65504, 2 ** -24, Infinity, NaN];
    writeModel(`${folder}/from`, values);
    const tokenizer = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"];
    for (const name of tokenizer) Deno.writeTextFileSync(`${folder}/from/${name}`, name);
    Deno.writeTextFileSync(`${folder}/from/README.md`, "");
    assert.equal(await convertWeights(`${folder}/from`, `${folder}/a/b`, "F16"), 2);
    using file = openSafetensors(`${folder}/a/b/model.safetensors`);
    assert.equal(file.tensors.get("weight")!.dtype, "F16");
    assert.deepEqual(
      readFloats(file, "weight"),
      new Float32Array([1, Math.f16round(-0.1), 65504, 2 ** -24, Infinity, NaN]),
    );
    assert.deepEqual(new BigInt64Array(file.readBytes("ids").buffer), new BigInt64Array([5n]));
    assert.equal(Deno.readTextFileSync(`${folder}/a/b/config.json`), `{"model_type":"bert"}`);
    for (const name of tokenizer) {
      assert.equal(Deno.readTextFileSync(`${folder}/a/b/${name}`), name);
    }
    assert.ok(!existsSync(`${folder}/a/b/README.md`));
    assert.equal(file.metadata.get("format"), "pt");
  }));

Deno.test("convertWeights() converts a large tensor row by row, and gives others their turns", () =>
  withFolder(async (folder) => {
    const [rows, cols] = [5, 2 ** 20 + 3];
    const values = Float32Array.from({ length: rows * cols }, (_, i) => i % 2048);
    writeModel(`${folder}/from`, [...values.subarray(0, 1)]);
    const tensors = new Map([["w", { dtype: "F32" as const, shape: [rows, cols], data: values }]]);
    writeSafetensors(`${folder}/from/model.safetensors`, tensors);
    using turns = new Turns();
    await convertWeights(`${folder}/from`, `${folder}/to`, "F16");
    assert.ok(turns.count >= 2, `${turns.count} turns`);
    using file = openSafetensors(`${folder}/to/model.safetensors`);
    assert.deepEqual(readFloats(file, "w"), values);
  }));

Deno.test("convertWeights() rejects a value that would become infinite and leaves no folder", () =>
  withFolder(async (folder) => {
    for (const [i, values] of [[1, -65520], [-65520, 1]].entries()) {
      const from = `${folder}/${i}`;
      writeModel(from, values);
      await assert.rejects(convertWeights(from, `${folder}/to`, "F16"), (error) => {
        assert(error instanceof SpindleError);
        assert.equal(
          error.message,
          `Cannot convert tensor "weight" to F16 as its value -65520 would become infinite: ` +
            `choose a wider type`,
        );
        return true;
      });
      assert.ok(!existsSync(`${folder}/to`));
    }
  }));

Deno.test("convertWeights() rejects a 64-bit value that no other type holds", () =>
  withFolder(async (folder) => {
    writeModel(`${folder}/from`, [1]);
    const data = Float64Array.of(1, 1e300);
    const tensors = new Map([["weight", { dtype: "F64" as const, shape: [2], data }]]);
    writeSafetensors(`${folder}/from/model.safetensors`, tensors);
    for (const dtype of ["F32", "F16", "BF16"] as const) {
      await assert.rejects(
        convertWeights(`${folder}/from`, `${folder}/to`, dtype),
        /as its value 1e\+300 would become infinite/,
      );
    }
  }));

Deno.test("convertWeights() leaves a model alone that is in the folder, its own too", () =>
  withFolder(async (folder) => {
    writeModel(`${folder}/from`, [1]);
    const refused = (from: string, to: string) =>
      assert.rejects(convertWeights(`${folder}/${from}`, `${folder}/${to}`, "F16"), {
        name: "SpindleError",
        message: `Cannot convert to "${folder}/${to}" as it holds a model already: name another ` +
          "folder, or remove it first",
      });
    const index = "model.safetensors.index.json";
    for (const name of ["config.json", "tokenizer.json", "model.safetensors", index]) {
      const path = `${folder}/${name} alone/${name}`;
      Deno.mkdirSync(`${folder}/${name} alone`);
      Deno.writeTextFileSync(path, "{}");
      await refused("from", `${name} alone`);
      assert.equal(Deno.readTextFileSync(path), "{}");
    }
    const original = Deno.readFileSync(`${folder}/from/model.safetensors`);
    await convertWeights(`${folder}/from`, `${folder}/to`, "F16");
    for (const [from, to] of [["from", "to"], ["to", "from"], ["from", "./from"]] as const) {
      await refused(from, to);
    }
    assert.deepEqual(Deno.readFileSync(`${folder}/from/model.safetensors`), original);
  }));

Deno.test("float32ToBfloat16() rounds to the nearest, ties to even", () => {
  const bits = new Uint32Array([
    0x3f80_0000,
    0x3f80_8000, // A tie: down to even.
    0x3f81_8000, // A tie: up to even.
    0x3f80_8001,
    0xbf80_7fff,
    0x7f7f_ffff, // The largest number: to infinity.
    0x7f80_0001, // A NaN of low bits only.
  ]);
  assert.deepEqual(
    [...float32ToBfloat16(new Float32Array(bits.buffer))],
    [0x3f80, 0x3f80, 0x3f82, 0x3f81, 0xbf80, 0x7f80, 0x7fc0],
  );
});

Deno.test("floats are converted from where a view of them begins", () => {
  const floats = Float32Array.of(9, 1, -2).subarray(1);
  const brains = Uint16Array.of(0x4110, 0x3f80, 0xc000).subarray(1);
  assert.deepEqual(float32ToBfloat16(floats), brains.slice());
  assert.deepEqual(bfloat16ToFloat32(brains), floats.slice());
});

Deno.test("the bundled model is whole and holds float16 weights and integers", () => {
  const path = fileURLToPath(
    new URL("../../models/all-MiniLM-L6-v2/model.safetensors", import.meta.url),
  );
  using file = openSafetensors(path);
  assert.equal(file.tensors.get("embeddings.word_embeddings.weight")!.dtype, "F16");
  assert(Deno.statSync(path).size < 46e6);
  for (const { name, dtype } of file.tensors.values()) {
    assert(dtype === "I64" || readFloats(file, name).every(Number.isFinite), name);
  }
});
