import assert from "node:assert/strict";
import { countFor, rankNeurons, saliency, selectNeurons } from "../../src/spin/select.ts";
import { randomNumbers } from "../numbers.ts";

Deno.test("selectNeurons() takes the shortest run that reaches the share of the saliency", () => {
  const coef = new Float32Array([0, 3, -4, 1]); // saliencies 0, 9, 16, 1 of 26
  assert.deepEqual([...selectNeurons(coef, 4, 0.5)], [2]);
  assert.deepEqual([...selectNeurons(coef, 4, 16 / 26)], [2]);
  assert.deepEqual([...selectNeurons(coef, 4, 0.62)], [2, 1]);
  assert.deepEqual([...selectNeurons(coef, 4, 25 / 26)], [2, 1]);
  assert.deepEqual([...selectNeurons(coef, 4, 0.97)], [2, 1, 3]);
});

Deno.test("selectNeurons() takes at least one neuron, the first where all weights are zero", () => {
  assert.deepEqual([...selectNeurons(new Float32Array(5), 5, 0.8)], [0]);
});

Deno.test("selectNeurons() takes no neuron without weight, however sums are rounded", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const coef = randomNumbers(384, seed).map((weight, i) => i % 13 ? 0 : weight);
    const used = coef.filter((weight) => weight !== 0).length;
    assert.ok(selectNeurons(coef, 384, 1).length <= used);
  }
});

Deno.test("selectNeurons() takes k of n equal neurons for a share of k / n", () => {
  for (let n = 1; n <= 40; n++) {
    const coef = new Float32Array(n).fill(0.1);
    for (let k = 1; k <= n; k++) assert.equal(selectNeurons(coef, n, k / n).length, k);
  }
});

Deno.test("selectNeurons() refuses shares and weights that are none", () => {
  const coef = new Float32Array([0, 3, -4, 1]);
  for (const eta of [0, -1, 1.1, NaN, "0.5" as unknown as number]) {
    assert.throws(() => selectNeurons(coef, 4, eta), /^SpindleError: .* an eta of .*\(0, 1\]/);
  }
  for (const width of [3, 2.5, 0, -1]) {
    assert.throws(() => selectNeurons(coef, width, 0.5), /^SpindleError: Cannot select among/);
  }
  for (const broken of [Float32Array.of(1, NaN), new Float32Array()]) {
    assert.throws(() => selectNeurons(broken, 2, 0.5), /a finite weight is needed/);
  }
});

Deno.test("rankNeurons() puts the lower index first where saliencies are equal", () => {
  assert.deepEqual([...rankNeurons(new Float64Array([1, 2, 2, 1]))], [1, 2, 0, 3]);
});

Deno.test("saliency() sums the squared weights over the classes", () => {
  const coef = new Float32Array([1, 2, 3, 4, 5, 6]);
  assert.deepEqual([...saliency(coef, 2)], [1 + 9 + 25, 4 + 16 + 36]);
});

Deno.test("countFor() selects sets that grow with the share", () => {
  const saliencies = Float64Array.from({ length: 130 }, (_, i) => (i * 37 % 130) ** 2);
  const order = rankNeurons(saliencies);
  const counts = [0.001, 0.1, 0.5, 0.8, 1].map((eta) => countFor(saliencies, order, eta));
  assert.deepEqual(counts, [...counts].sort((a, b) => a - b));
  assert.ok(counts[0]! >= 1 && counts.at(-1)! <= 130);
});
