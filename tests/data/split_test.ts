import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10";
import { seededRandom, stratifiedOrder } from "../../src/data/split.ts";

Deno.test("seededRandom() gives the numbers of mulberry32", () => {
  // From the published C code: seed 1.
  const random = seededRandom(1);
  const words = [random(), random(), random()].map((value) => value * 2 ** 32);
  assert.deepEqual(words, [2693262067, 11749833, 2265367787]);
});

Deno.test("seededRandom() spreads evenly over [0, 1)", () => {
  const random = seededRandom(7);
  const bins = new Array<number>(10).fill(0);
  for (let i = 0; i < 100_000; i++) {
    const bin = Math.floor(random() * 10);
    bins[bin] = bins[bin]! + 1;
  }
  // Five standard deviations of a bin of 10,000 are 474.
  assert(bins.every((count) => Math.abs(count - 10_000) < 474), String(bins));
});

Deno.test("stratifiedOrder() orders every row once, and every beginning in the classes' shares", () =>
  fc.assert(fc.property(
    fc.array(fc.nat(3), { maxLength: 60 }),
    fc.integer(),
    (values, seed) => {
      const labels = Int32Array.from(values);
      const order = stratifiedOrder(labels, seededRandom(seed));
      assert.deepEqual(order.toSorted((a, b) => a - b), values.map((_, row) => row));
      const classes = [...new Set(values)];
      for (let n = classes.length; n <= values.length; n++) {
        for (const label of classes) {
          const taken = order.slice(0, n).filter((row) => labels[row] === label).length;
          const share = n * values.filter((value) => value === label).length / values.length;
          assert(taken >= 1 && Math.abs(taken - share) <= classes.length, `${taken} of ${share}`);
        }
      }
    },
  )));

Deno.test("stratifiedOrder() gives every order of a class as often as any other", () => {
  const random = seededRandom(5);
  const counts = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const order = stratifiedOrder(new Int32Array(3), random).join("");
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.equal(counts.size, 6);
  // Five standard deviations of a thousand of 6,000 are 144.
  for (const [order, count] of counts) assert(Math.abs(count - 1000) < 144, `${order}: ${count}`);
});

Deno.test("stratifiedOrder() follows the random numbers, not the order of the rows", () => {
  const labels = new Int32Array(1000);
  const first = stratifiedOrder(labels, seededRandom(1)).slice(0, 500);
  const mean = first.reduce((sum, row) => sum + row, 0) / 500;
  // The mean of 500 of 1,000 rows has a standard deviation of 9.
  assert(Math.abs(mean - 499.5) < 45, String(mean));
  assert.notDeepEqual(first, stratifiedOrder(labels, seededRandom(2)).slice(0, 500));
});
