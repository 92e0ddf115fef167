import assert from "node:assert/strict";
import { createMatrix } from "../../src/gpu/matrix.ts";
import { readMatrix } from "../../src/gpu/read_matrix.ts";
import {
  featuresOf,
  measureScaling,
  rememberRows,
  uploadStandardized,
} from "../../src/probe/standardize.ts";
import { gpuTest } from "../gpu.ts";
import { assertClose, randomNumbers } from "../numbers.ts";

const [rows, cols] = [37, 13];

/** Columns of every size, one with a large mean and one constant. */
function manyScales(): Float32Array {
  return randomNumbers(rows * cols, 5).map((value, at) => {
    const column = at % cols;
    if (column === 12) return 0.1;
    return column === 11 ? 1e4 + 0.01 * value : value * 10 ** (column - 5);
  });
}

/** Mean and deviation of a column in two passes. */
function measure(x: Float32Array, column: number) {
  const values = Float64Array.from({ length: rows }, (_, row) => x[row * cols + column]!);
  const mean = values.reduce((a, b) => a + b) / rows;
  return { mean, sd: Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / rows) };
}

Deno.test("measureScaling() measures columns of any size, whatever the blocks", () => {
  const x = manyScales();
  const columns = Uint32Array.of(0, 3, 5, 10, 11, 12);
  for (const blockRows of [1, 8, 64]) {
    const scaling = measureScaling(featuresOf(x, rows), columns, blockRows);
    columns.forEach((column, j) => {
      const { mean, sd } = measure(x, column);
      assert.ok(Math.abs(scaling.mean[j]! - mean) <= 1e-12 * Math.abs(mean) + 1e-12 * sd);
      if (column === 12) assert.equal(scaling.deviation[j], 0);
      else assert.ok(Math.abs(scaling.deviation[j]! / sd - 1) < 1e-9);
    });
  }
});

Deno.test("rememberRows() reads each row once, however it is asked for", () => {
  const [many, width] = [2000, 1024];
  const x = Float32Array.from({ length: many * width }, (_, i) => i);
  let read = 0;
  const features = rememberRows({
    rows: many,
    cols: width,
    read(start, end) {
      read += end - start;
      return x.subarray(start * width, end * width);
    },
  });
  for (const [start, end] of [[0, 1024], [5, 6], [1000, 1100], [1024, 2000], [0, many], [7, 7]]) {
    assert.deepEqual(features.read(start!, end!), x.subarray(start! * width, end! * width));
  }
  assert.equal(read, many);
});

Deno.test("rememberRows() keeps the numbers of features that read into the same memory", () => {
  class Reused {
    readonly #buffer = new Float32Array(1024 * 1024);
    get rows() {
      return 2000;
    }
    get cols() {
      return 1024;
    }
    read(start: number, end: number) {
      const block = this.#buffer.subarray(0, (end - start) * 1024);
      block.forEach((_, i) => block[i] = start + Math.floor(i / 1024));
      return block;
    }
  }
  const features = rememberRows(new Reused());
  for (let row = 0; row < 2000; row += 100) features.read(row, row + 1);
  for (let row = 0; row < 2000; row += 100) assert.equal(features.read(row, row + 1)[0], row);
});

Deno.test("measureScaling() names the row and column of what is not finite", () => {
  for (const value of [NaN, Infinity, -Infinity]) {
    const x = manyScales();
    x[30 * cols + 7] = value;
    const features = featuresOf(x, rows);
    assert.throws(
      () => measureScaling(features, Uint32Array.of(2, 7), 8),
      new RegExp(`Cannot use the features as row 30, column 7 is ${value}: every feature must`),
    );
    // Columns that nobody uses may hold anything.
    assert.equal(measureScaling(features, Uint32Array.of(2, 3), 8).mean.length, 2);
  }
});

Deno.test("measureScaling() names site, layer, pool, split and sentence", () => {
  const x = manyScales();
  x[17 * cols + 4] = NaN;
  const features = featuresOf(x, rows, "activation.3 (max pool, train split)");
  assert.throws(
    () => measureScaling(features, Uint32Array.of(4), 64),
    /features activation\.3 \(max pool, train split\) as neuron 4 of sentence 18 is NaN/,
  );
});

gpuTest("uploadStandardized() writes centred and scaled rows", async (gpu) => {
  const x = manyScales();
  const columns = Uint32Array.of(12, 11, 0, 10, 3, 5, 6);
  const features = featuresOf(x, rows);
  const scaling = measureScaling(features, columns, 64);
  using matrix = createMatrix(gpu, 29, columns.length);
  uploadStandardized(matrix, features, 5, 34, scaling);
  const expected = Float64Array.from({ length: 29 * columns.length }, (_, i) => {
    const row = 5 + Math.floor(i / columns.length);
    const column = columns[i % columns.length]!;
    const { mean, sd } = measure(x, column);
    return column === 12 ? 0 : (x[row * cols + column]! - mean) / sd;
  });
  assertClose(await readMatrix(matrix), expected, 2e-7, "standardised rows");
});

gpuTest("uploadStandardized() refuses what is not finite in other rows", (gpu) => {
  const scaling = measureScaling(featuresOf(manyScales(), rows), Uint32Array.of(1, 2), 64);
  const x = manyScales();
  x[9 * cols + 2] = Infinity;
  const held = featuresOf(x, rows, "hidden.0 (mean pool, validation split)");
  using matrix = createMatrix(gpu, rows, 2);
  assert.throws(
    () => uploadStandardized(matrix, held, 0, rows, scaling),
    /validation split\) as neuron 2 of sentence 10 is Infinity/,
  );
  return Promise.resolve();
});
