import assert from "node:assert/strict";
import { openModelWeights, readFloats, writeSafetensors } from "../../src/formats/safetensors.ts";
import { SpindleError } from "../../src/util.ts";
import { withFolder } from "./support.ts";

const indexName = "model.safetensors.index.json";

function writeTensor(path: string, name: string, values: number[]): void {
  const data = new Float32Array(values);
  writeSafetensors(path, new Map([[name, { dtype: "F32", shape: [values.length], data }]]));
}

function writeShards(folder: string, weightMap: Record<string, unknown>): void {
  writeTensor(`${folder}/1.safetensors`, "a", [1, 2]);
  writeTensor(`${folder}/2.safetensors`, "b", [3]);
  const index = { metadata: { total_size: 12 }, weight_map: weightMap };
  Deno.writeTextFileSync(`${folder}/${indexName}`, JSON.stringify(index));
}

Deno.test("openModelWeights() reads one file", () =>
  withFolder((folder) => {
    writeTensor(`${folder}/model.safetensors`, "a", [1, 2]);
    using weights = openModelWeights(folder);
    assert.deepEqual([...readFloats(weights, "a")], [1, 2]);
    assert.throws(
      () => readFloats(weights, "b"),
      /Cannot find tensor "b" in ".*" as it holds "a": give/,
    );
  }));

Deno.test("openModelWeights() reads tensors from the shards that the index names", () =>
  withFolder((folder) => {
    writeShards(folder, { a: "1.safetensors", b: "2.safetensors" });
    using weights = openModelWeights(folder);
    assert.deepEqual([...weights.tensors.keys()], ["a", "b"]);
    assert.deepEqual([...readFloats(weights, "a", { start: 1, end: 2 })], [2]);
    assert.deepEqual([...readFloats(weights, "b")], [3]);
    assert.throws(
      () => readFloats(weights, "c"),
      /Cannot find tensor "c".* as it holds "a", "b": give/,
    );
  }));

const brokenMaps: [string, Record<string, unknown>, RegExp][] = [
  ["an entry that its shard lacks", { a: "2.safetensors" }, /tensor "a" in ".*2.safetensors"/],
  ["a missing shard", { a: "3.safetensors" }, /3.safetensors" as it does not exist/],
  ["a shard in another folder", { a: "x/1.safetensors" }, /places tensor "a" in "x\/1/],
  ["a shard behind a backslash", { a: "x\\1.safetensors" }, /places tensor "a"/],
  ["a shard above the folder", { a: "../1.safetensors" }, /places tensor "a"/],
  ["a shard that is no safetensors file", { a: "1.bin" }, /places tensor "a" in "1.bin"/],
  ["a shard that is a number", { a: 1 }, /places tensor "a" in 1/],
];

for (const [what, weightMap, message] of brokenMaps) {
  Deno.test(`openModelWeights() rejects ${what}`, () =>
    withFolder((folder) => {
      writeShards(folder, weightMap);
      assert.throws(() => openModelWeights(folder), (error) => {
        assert(error instanceof SpindleError, String(error));
        assert.match(error.message, message);
        return true;
      });
    }));
}

const brokenIndexes: [string, string, RegExp][] = [
  ["an index that is not JSON", "{", /not valid JSON/],
  ["an index without a weight_map", "{}", /has no "weight_map"/],
  ["an index that is an array", "[]", /not a JSON object/],
  [
    "an index that places a tensor twice",
    `{"weight_map":{"a":"1.safetensors","a":"2.safetensors"}}`,
    /key "a" is repeated/,
  ],
];

for (const [what, text, message] of brokenIndexes) {
  Deno.test(`openModelWeights() rejects ${what}`, () =>
    withFolder((folder) => {
      Deno.writeTextFileSync(`${folder}/${indexName}`, text);
      assert.throws(() => openModelWeights(folder), message);
    }));
}

Deno.test("openModelWeights() rejects a folder without weights, saying what it looks for", () =>
  withFolder((folder) => {
    assert.throws(() => openModelWeights(folder), /neither model.safetensors nor model.safe/);
    assert.throws(() => openModelWeights(`${folder}/none`), /Cannot load a model from/);
  }));
