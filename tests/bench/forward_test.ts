import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { forwardBound, forwardError, sampleSentences } from "../../src/bench/forward.ts";
import { requestGpu } from "../../src/gpu/device.ts";
import { loadModel } from "../../src/model/model.ts";

const folder = fileURLToPath(new URL("../../models/all-MiniLM-L6-v2", import.meta.url));

Deno.test("the forward pass of the bundled model agrees with float64 at every state", async () => {
  using gpu = await requestGpu();
  using model = await loadModel(gpu, folder);
  const ids = model.tokenize(["a fine film", "", "a waste of time, and of a good cast"]);
  const error = await forwardError(model, sampleSentences(ids, 3));
  assert.ok(error > 0 && error <= forwardBound / 10, `error ${error}`);
});

Deno.test("sampleSentences() takes them evenly and puts them in the order of their lengths", () => {
  const all = [4, 1, 3, 2, 6, 5].map((length) => Array<number>(length).fill(length));
  const { ids, tokens } = sampleSentences(all, 3);
  assert.deepEqual(ids.map((sentence) => sentence.length), [3, 4, 6]);
  assert.equal(tokens, 13);
  assert.equal(sampleSentences(all, 100).ids.length, 6);
});
