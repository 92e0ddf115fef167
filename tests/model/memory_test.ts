import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { precisions } from "../../src/gpu/precision.ts";
import { captureBatches } from "../../src/model/capture.ts";
import { memoryNeeded } from "../../src/model/memory.ts";
import { loadModel } from "../../src/model/load.ts";
import { pools } from "../../src/ops/pool.ts";
import { requestGpu } from "../../src/tuning/request.ts";
import { ownedBytes } from "../gpu.ts";

const miniLm = fileURLToPath(new URL("../../models/all-MiniLM-L6-v2", import.meta.url));
const golden = fileURLToPath(new URL("golden/", import.meta.url));

function assertNear(found: number, expected: number, share: number): void {
  assert.ok(Math.abs(found / expected - 1) < share, `${found} is not about ${expected}`);
}

Deno.test("memoryNeeded() tells what the weights then take on the device", async () => {
  using gpu = await requestGpu();
  for (const weights of precisions) {
    for (const states of [["hidden.6"], ["hidden.2"]]) {
      const needed = memoryNeeded(miniLm, { weights, states });
      using _model = await loadModel(gpu, miniLm, { weights, states });
      assertNear(needed.weights, ownedBytes(gpu), 0.03);
    }
  }
});

Deno.test("memoryNeeded() tells what the states of a full batch then take", async () => {
  for (
    const folder of [miniLm, join(golden, "qwen3"), join(golden, "t5"), join(golden, "gpt_neox")]
  ) {
    using gpu = await requestGpu();
    const needed = memoryNeeded(folder, { software: gpu.adapter.software });
    using model = await loadModel(gpu, folder);
    const before = ownedBytes(gpu);
    const { tokensPerBatch } = model;
    const ids = Array.from({ length: tokensPerBatch / 32 }, () => Array<number>(32).fill(5));
    await model.capture(ids, { sites: ["neuron", "hidden"], pools: ["mean"] });
    assertNear(needed.states, gpu.liveBytes - before, 0.25);
  }
});

Deno.test("captured states take no more than memoryNeeded() says, however many sentences", async () => {
  using gpu = await requestGpu();
  using model = await loadModel(gpu, miniLm, { states: ["activation.0"] });
  const { captured, states: needed } = memoryNeeded(miniLm, { states: ["activation.0"] });
  const before = ownedBytes(gpu);
  const many = Array.from({ length: 9000 }, () => [101]);
  let most = 0;
  for await (
    const _ of captureBatches(model, many, model.states(["activation"]).slice(0, 1), pools)
  ) {
    most = Math.max(most, gpu.liveBytes - before);
  }
  assert.ok(most > needed && most < needed + captured, `${most} of ${needed} and ${captured}`);
});

Deno.test("memoryNeeded() and loadModel() refuse weights of a type that there is none of", async () => {
  using gpu = await requestGpu();
  const weights = "f8" as "f16";
  const refusal = { message: 'Cannot use weights of "f8": "f32" or "f16" is needed' };
  assert.throws(() => memoryNeeded(miniLm, { weights }), refusal);
  await assert.rejects(loadModel(gpu, miniLm, { weights }), refusal);
});

Deno.test("memoryNeeded() counts the embedding tables as they are stored", () => {
  // float16: the token ids, the positions and the token types.
  assert.equal(memoryNeeded(miniLm).tables, (30522 + 512 + 2) * 384 * 2);
});
