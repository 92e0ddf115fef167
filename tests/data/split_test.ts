import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10";
import { chooseHeldOut, stratifiedOrder } from "../../src/data/split.ts";
import { seededRandom } from "../../src/random.ts";

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

Deno.test("stratifiedOrder() ends with each of many small classes about as often", () => {
  const classes = 50;
  const labels = Int32Array.from({ length: 4 * classes }, (_, row) => row % classes);
  const counts = new Array<number>(classes).fill(0);
  for (let seed = 0; seed < 1000; seed++) {
    for (const row of stratifiedOrder(labels, seededRandom(seed)).slice(-20)) {
      counts[labels[row]!]!++;
    }
  }
  // Five standard deviations of 400 of a thousand are 77.
  assert(counts.every((count) => Math.abs(count - 400) < 77), String(counts));
});

const manyRows = fc.array(fc.record({ text: fc.nat(30).map(String), label: fc.nat(2) }), {
  minLength: 1,
  maxLength: 60,
});

Deno.test("chooseHeldOut() holds rows of the same text out together, and leaves each class", () =>
  fc.assert(fc.property(manyRows, fc.integer(), (rows, seed) => {
    const texts = rows.map(({ text }) => text);
    const labels = Int32Array.from(rows, ({ label }) => label);
    const heldOut = chooseHeldOut({ texts, labels }, 0.3, seededRandom(seed));
    const kept = rows.filter((_, row) => !heldOut.has(row));
    const keptTexts = new Set(kept.map(({ text }) => text));
    for (const row of heldOut) assert(!keptTexts.has(texts[row]!));
    assert.equal(new Set(kept.map(({ label }) => label)).size, new Set(labels).size);
    // Of each class its share, or else one text.
    const most = [...Map.groupBy(rows, ({ label }) => label).values()].map((members) => {
      const sizes = members.map(({ text }) => texts.filter((each) => each === text).length);
      return Math.max(Math.ceil(0.3 * members.length), ...sizes);
    });
    assert(heldOut.size <= most.reduce((sum, count) => sum + count, 0));
  })));

Deno.test("chooseHeldOut() takes the end of a stratified order where every text is another", () =>
  fc.assert(fc.property(
    fc.array(fc.nat(3), { minLength: 8, maxLength: 60 }),
    fc.integer(),
    (values, seed) => {
      const labels = Int32Array.from(values);
      const texts = values.map((_, row) => `text ${row}`);
      const order = stratifiedOrder(labels, seededRandom(seed));
      const wanted = Math.ceil(values.length / 2);
      const heldOut = chooseHeldOut({ texts, labels }, 0.5, seededRandom(seed));
      assert.deepEqual(heldOut, new Set(order.slice(-wanted).reverse()));
    },
  )));

Deno.test("chooseHeldOut() holds as many rows out of repeated texts, the classes in shares", () => {
  // Class 0 has 500 texts of its own, class 1 has 100 that stand there five times.
  const labels = Int32Array.from({ length: 1000 }, (_, row) => Number(row >= 500));
  const texts = Array.from(labels, (label, row) => `${label} ${label ? row % 100 : row}`);
  const heldOut = chooseHeldOut({ texts, labels }, 0.1, seededRandom(1));
  assert.equal(heldOut.size, 100);
  const ofClass1 = [...heldOut].filter((row) => labels[row] === 1).length;
  assert(Math.abs(ofClass1 - 50) <= 5, `${ofClass1}`);
});

Deno.test("chooseHeldOut() leaves out no class whose texts have many rows each", () => {
  const count = (rows: [label: number, text: number][], seed: number) => {
    const labels = Int32Array.from(rows, ([label]) => label);
    const texts = rows.map((row) => row.join());
    const heldOut = chooseHeldOut({ texts, labels }, 0.1, seededRandom(seed));
    return [0, 1, 2].map((label) => [...heldOut].filter((row) => labels[row] === label).length);
  };
  const ofClass = (label: number, texts: number, copies: number) =>
    Array.from({ length: texts * copies }, (_, i): [number, number] => [label, i % texts]);
  for (let seed = 0; seed < 10; seed++) {
    const broad = count([...ofClass(0, 900, 1), ...ofClass(1, 4, 25)], seed);
    assert.deepEqual(broad, [90, 25, 0]);
    assert.deepEqual(count([0, 1, 2].flatMap((label) => ofClass(label, 4, 10)), seed), [
      10,
      10,
      10,
    ]);
    // Nor is a class drained where the others can give nothing small.
    assert.deepEqual(count([...ofClass(0, 2, 45), ...ofClass(1, 20, 1)], seed), [45, 2, 0]);
    // A class of less than ten rows has no share, one of a single text nothing to give.
    assert.deepEqual(count([...ofClass(0, 99, 1), ...ofClass(1, 3, 3)], seed)[1], 0);
    assert.deepEqual(count([...ofClass(0, 99, 1), ...ofClass(1, 1, 11)], seed)[1], 0);
  }
});

Deno.test("chooseHeldOut() passes over a text of too many rows, but not where all are such", () => {
  const labels = Int32Array.from({ length: 100 }, (_, row) => row % 2);
  for (let seed = 0; seed < 20; seed++) {
    const hold = (texts: string[]) => chooseHeldOut({ texts, labels }, 0.1, seededRandom(seed));
    const mostlyEmpty = hold(Array.from(labels, (_, row) => row < 50 ? "" : `text ${row}`));
    assert.equal(mostlyEmpty.size, 10);
    assert([...mostlyEmpty].every((row) => row >= 50));
    assert.equal(hold(Array.from(labels, (_, row) => `text ${row % 4}`)).size, 50);
    assert.equal(hold(Array.from(labels, (_, row) => `text ${row % 2}`)).size, 0);
  }
});
