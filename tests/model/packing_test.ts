import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { readModel } from "../../src/model/family.ts";
import { tokensPerBatch } from "../../src/model/longest.ts";
import { loadModel } from "../../src/model/load.ts";
import type { Model } from "../../src/model/model.ts";
import { sites } from "../../src/model/states.ts";
import { pools } from "../../src/ops/pool.ts";
import { requestGpu } from "../../src/tuning/request.ts";
import { assertClose } from "../numbers.ts";

const folder = fileURLToPath(new URL("../../models/all-MiniLM-L6-v2", import.meta.url));
const qwen3 = fileURLToPath(new URL("golden/qwen3", import.meta.url));
const texts = [
  "a fine film",
  "it never quite gets going, and then it stops; still, there are worse ways to spend an evening",
  "dull",
  "",
  "the director's best work: warm, funny and wise. ".repeat(30),
];

/** All pooled states of each text, in one list a text. */
async function features(model: Model, ids: number[][]): Promise<Float32Array[]> {
  const { states } = await model.capture(ids, { sites, pools });
  return ids.map((_, i) =>
    new Float32Array(
      [...states.values()].flatMap(({ width, values }) =>
        pools.flatMap((pool) => [...values[pool]!.subarray(i * width, (i + 1) * width)])
      ),
    )
  );
}

Deno.test("a text's features are the same alone, in a batch, and in any order", async () => {
  using gpu = await requestGpu();
  using model = await loadModel(gpu, folder);
  const ids = model.tokenize(texts);
  const batch = await features(model, ids);
  const reversed = (await features(model, ids.toReversed())).toReversed();
  for (const [i, text] of texts.entries()) {
    const [alone] = await features(model, [ids[i]!]);
    assert.deepEqual(batch[i], alone, `"${text.slice(0, 20)}" in a batch`);
    assert.deepEqual(reversed[i], alone, `"${text.slice(0, 20)}" in another order`);
  }
});

Deno.test("features are the same however the sentences are cut into batches", async () => {
  using gpu = await requestGpu();
  using model = await loadModel(gpu, folder);
  const ids = model.tokenize(texts);
  const many = Array.from({ length: 12 }, () => ids).flat();
  const found = await features(model, many);
  const expected = await features(model, ids);
  many.forEach((_, i) => assert.deepEqual(found[i], expected[i % ids.length], `text ${i}`));
});

Deno.test("states are those of the sentences as they were when it was asked", async () => {
  using gpu = await requestGpu();
  using model = await loadModel(gpu, qwen3);
  const batches = 4;
  const length = model.tokensPerBatch - 1;
  const ids = Array.from(
    { length: batches },
    (_, i) => Array.from({ length }, (_, token) => 3 + (i + token) % 9),
  );
  const options = { sites: ["hidden"], pools: ["mean"] } as const;
  const expected = await model.capture(ids, options);
  const captured = model.capture(ids, options);
  ids.at(-1)!.fill(3);
  ids.length = 1;
  assert.deepEqual(await captured, expected);
});

Deno.test("states that memory cannot hold are refused, and nothing else is left to fail", async () => {
  using gpu = await requestGpu();
  using model = await loadModel(gpu, folder, { states: ["activation.0"] });
  const ids = Array<number[]>(60_000).fill(Array<number>(512).fill(101));
  // What runs beside fails too, which must not end the process.
  ids[0] = [1e6];
  await assert.rejects(model.capture(ids, { states: ["activation.0"] }), {
    name: "SpindleError",
    message: "Cannot hold 188,741 MB of a captured state: pool it, or capture fewer sentences",
  });
});

Deno.test("a longer text after a shorter one has the states that it has alone", async () => {
  using gpu = await requestGpu();
  const short = [3, 4, 5, 6];
  // So long that it is a batch of its own, which takes more memory than the one before.
  const length = tokensPerBatch(gpu.adapter.software, readModel(qwen3).spec) - 1;
  const long = Array.from({ length }, (_, i) => 3 + i % 9);
  const run = async (...ids: number[][]) => {
    using model = await loadModel(gpu, qwen3);
    return (await model.capture(ids, { sites: ["hidden", "activation"] })).states;
  };
  const [after, alone] = [await run(short, long), await run(long)];
  for (const [name, { values, width }] of after) {
    const found = values.tokens!.subarray(short.length * width);
    assertClose(found, alone.get(name)!.values.tokens!, 0, name);
  }
});
