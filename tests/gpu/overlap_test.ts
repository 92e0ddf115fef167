import assert from "node:assert/strict";
import { mapOverlapping } from "../../src/gpu/overlap.ts";
import { nextTurn } from "../../src/util.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("mapOverlapping() gives results in order, from two tasks at a time", async () => {
  let running = 0;
  let most = 0;
  const results = await mapOverlapping([3, 1, 2, 5, 4], async (item) => {
    most = Math.max(most, ++running);
    await pause(item);
    running--;
    return 10 * item;
  });
  assert.deepEqual(results, [30, 10, 20, 50, 40]);
  assert.equal(most, 2);
});

Deno.test("mapOverlapping() begins nothing after a failure, and tells it when all have ended", async () => {
  const [begun, ended]: number[][] = [[], []];
  const failure = Promise.withResolvers<void>();
  const failing = mapOverlapping([0, 1, 2, 3, 4], async (item) => {
    begun!.push(item);
    if (item !== 1) await failure.promise;
    await nextTurn();
    ended!.push(item);
    if (item !== 1) return;
    failure.resolve();
    throw new Error("task 1");
  });
  await assert.rejects(failing, /^Error: task 1$/);
  assert.deepEqual(begun, [0, 1]);
  assert.deepEqual(ended, [1, 0]);
});
