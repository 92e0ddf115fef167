import assert from "node:assert/strict";
import { largestError } from "../../src/measure/difference.ts";

Deno.test("largestError() is infinite where a number or an entry is missing", () => {
  assert.equal(largestError([1, NaN], [1, 2]), Infinity);
  assert.equal(largestError([1], [1, 2]), Infinity);
  assert.equal(largestError([8, 2], [10, 2]), 0.2);
  assert.equal(largestError([0.5], [0.25]), 0.25);
});
