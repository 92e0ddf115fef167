import assert from "node:assert/strict";
import { summarize } from "../../src/measure/numbers.ts";

Deno.test("summarize() gives the median and the least", () => {
  assert.deepEqual(summarize([5, 1, 3]), { median: 3, best: 1 });
  assert.deepEqual(summarize([4, 1, 3, 2]), { median: 2.5, best: 1 });
});
