import assert from "node:assert/strict";
import { cutBatches } from "../../src/model/batch.ts";
import { bucketOf } from "../../src/model/relative_bias.ts";

Deno.test("cutBatches() keeps the order, the limits, and at least one sentence a batch", () => {
  const lengths = [3, 3, 3, 20, 1, 9];
  assert.deepEqual(cutBatches(lengths, { tokens: 10, sentences: Infinity }), [
    { first: 0, count: 3 },
    { first: 3, count: 1 },
    { first: 4, count: 2 },
  ]);
  assert.deepEqual(cutBatches(lengths, { tokens: 10, sentences: 2 }), [
    { first: 0, count: 2 },
    { first: 2, count: 1 },
    { first: 3, count: 1 },
    { first: 4, count: 2 },
  ]);
  assert.deepEqual(cutBatches([], { tokens: 10, sentences: 2 }), []);
});

Deno.test("bucketOf() gives near distances buckets of their own and far ones shared ones", () => {
  // As the reference library computes them, for 32 buckets up to 128.
  const distances = [-200, -128, -127, -64, -16, -9, -8, -7, -1, 0, 1, 7, 8, 16, 100, 128, 200];
  const both = distances.map((distance) => bucketOf(distance, 32, 128, true));
  assert.deepEqual(both, [15, 15, 15, 14, 10, 8, 8, 7, 1, 0, 17, 23, 24, 26, 31, 31, 31]);
  const back = distances.map((distance) => bucketOf(distance, 32, 128, false));
  assert.deepEqual(back, [31, 31, 31, 26, 16, 9, 8, 7, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
});
