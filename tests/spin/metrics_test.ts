import assert from "node:assert/strict";
import { accuracy } from "../../src/probe/fit.ts";
import { macroF1, majorityClass, probabilities } from "../../src/spin/metrics.ts";

Deno.test("accuracy() is the share of right predictions", () => {
  assert.equal(accuracy(new Int32Array([0, 1, 1, 2]), new Int32Array([0, 1, 2, 2])), 0.75);
});

Deno.test("macroF1() is the mean of the classes' F1, as scikit-learn computes it", () => {
  // f1_score([0,0,1,1,2,2,2], [0,1,1,1,2,0,2], average="macro") = (0.5 + 0.8 + 0.8) / 3
  const labels = new Int32Array([0, 0, 1, 1, 2, 2, 2]);
  const predicted = new Int32Array([0, 1, 1, 1, 2, 0, 2]);
  assert.ok(Math.abs(macroF1(predicted, labels, 3) - 0.7) < 1e-12);
});

Deno.test("macroF1() has the same bits whatever the order of the classes", () => {
  const predicted = [0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 3, 4];
  const labels = [0, 1, 1, 1, 2, 2, 0, 3, 3, 4, 3, 4];
  const orders = [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 4, 0, 3, 1], [1, 0, 3, 4, 2]];
  const scores = orders.map((order) => {
    const [a, b] = [predicted, labels].map((ids) => Int32Array.from(ids, (id) => order[id]!));
    return macroF1(a!, b!, 5);
  });
  assert.equal(new Set(scores).size, 1, scores.join());
});

Deno.test("macroF1() counts a class that is never predicted as 0, and not one that is absent, too", () => {
  assert.equal(macroF1(new Int32Array([0, 0]), new Int32Array([0, 1]), 2), 1 / 3);
  assert.equal(macroF1(new Int32Array([0, 1]), new Int32Array([0, 0]), 2), 1 / 3);
  assert.equal(macroF1(new Int32Array([0, 0]), new Int32Array([0, 0]), 2), 1);
});

Deno.test("majorityClass() names the most common class, the first of equals", () => {
  assert.equal(majorityClass(new Int32Array([2, 1, 1, 2, 0]), 3), 1);
});

Deno.test("probabilities() sum to one, also where every logit is hopeless", () => {
  for (const logits of [[2], [-3, 1, 0], [-2000, -2000, -2000]]) {
    const each = probabilities(logits);
    assert.ok(Math.abs(each.reduce((sum, p) => sum + p, 0) - 1) < 1e-12);
    assert.equal(each.length, Math.max(2, logits.length));
  }
});

Deno.test("probabilities() tells classes apart of which none is likely", () => {
  assert.deepEqual(probabilities([-720, -800, -900]).map((p) => p.toFixed(6)), [
    "1.000000",
    "0.000000",
    "0.000000",
  ]);
});

Deno.test("probabilities() gives a positive logit to the second of two classes", () => {
  assert.deepEqual(probabilities([2]).map((p) => p.toFixed(6)), ["0.119203", "0.880797"]);
  assert.deepEqual(probabilities([40]), probabilities([-40]).reverse());
});
