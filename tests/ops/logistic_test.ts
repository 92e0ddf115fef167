import assert from "node:assert/strict";
import type { Gpu } from "../../src/gpu/device.ts";
import { createMatrix, type Matrix, uploadMatrix, writeMatrix } from "../../src/gpu/matrix.ts";
import { createStorage, uploadStorage } from "../../src/gpu/memory.ts";
import { readMatrix } from "../../src/gpu/read_matrix.ts";
import { readStorage } from "../../src/gpu/read_storage.ts";
import { Recorder } from "../../src/gpu/recorder.ts";
import { logisticGradient, recordGram } from "../../src/ops/logistic_gradient.ts";
import { invertSets } from "../../src/ops/logistic_inverse.ts";
import { pivotsFor } from "../../src/ops/logistic_inverse_stack.ts";
import { logisticMargins, marginHeights } from "../../src/ops/logistic_margins.ts";
import { logisticSums } from "../../src/ops/logistic_rows.ts";
import { stateFields, sumsPerChunk } from "../../src/ops/logistic_state.ts";
import { createWholeTiles } from "../../src/ops/logistic_tiles.ts";
import { compileOther, loosenLog, refuseVectorParts } from "../compilers.ts";
import { gpuTest, requestHardware } from "../gpu.ts";
import { DispatchLog } from "../gpu/dispatch_log.ts";
import { assertClose, randomNumbers } from "../numbers.ts";

const shapes = [[7, 13, 5], [130, 37, 1], [37, 130, 19]] as const;

/** `a^T b` for row-major `[rows, n]` and `[rows, m]`, in float64. */
function transposedProduct(a: Float32Array, b: Float32Array, rows: number): Float64Array {
  const [n, m] = [a.length / rows, b.length / rows];
  const sums = new Float64Array(n * m);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < m; j++) sums[i * m + j]! += a[row * n + i]! * b[row * m + j]!;
    }
  }
  return sums;
}

function transpose(a: Float32Array, rows: number): Float32Array {
  const cols = a.length / rows;
  return a.map((_, at) => a[(at % rows) * cols + Math.floor(at / rows)]!);
}

function operands(gpu: Gpu, own: DisposableStack, rows: number, cols: number, fits: number) {
  const x = randomNumbers(rows * cols, 1);
  const tiles = createWholeTiles(own, gpu, fits > 8 ? 16 : 8, fits, Math.ceil(cols / 4));
  const upload = (data: Float32Array, height: number, width: number): Matrix =>
    own.use(uploadMatrix(gpu, data, height, width));
  return { x, tiles, upload };
}

gpuTest("logisticMargins() multiplies rows and coefficients", async (gpu) => {
  for (const [rows, cols, fits] of shapes) {
    using own = new DisposableStack();
    const { x, tiles, upload } = operands(gpu, own, rows, cols, fits);
    const v = randomNumbers(fits * cols, 2);
    // Rows behind those of the run, which it leaves as they are.
    const spare = new Float32Array(5 * fits).fill(9);
    const z = own.use(createMatrix(gpu, rows + 5, fits));
    const features = upload(x, rows, cols), coefficients = upload(v, fits, cols);
    const products = transposedProduct(transpose(x, rows), transpose(v, fits), cols);
    const expected = [...products, ...spare];
    let bits: Float32Array | undefined;
    for (const height of marginHeights(gpu).values()) {
      writeMatrix(z, new Float32Array((rows + 5) * fits).fill(9));
      const recorder = new Recorder(gpu);
      logisticMargins(recorder, features, coefficients, z, tiles, rows, height);
      recorder.submit();
      const margins = await readMatrix(z);
      assertClose(margins, expected, 1e-6, `margins ${rows}x${cols}x${fits}, ${height} rows`);
      assert.deepEqual(margins, bits ??= margins, `${height} rows give other bits`);
    }
  }
});

gpuTest("logisticGradient() adds up rows times residuals", async (gpu) => {
  for (const [rows, cols, fits] of shapes) {
    using own = new DisposableStack();
    const { x, tiles, upload } = operands(gpu, own, rows, cols, fits);
    const r = randomNumbers(rows * fits, 2);
    const before = randomNumbers(fits * cols, 3);
    const g = own.use(createMatrix(gpu, fits, cols));
    const recorder = new Recorder(gpu);
    const previous = upload(before, fits, cols);
    logisticGradient(
      recorder,
      upload(x, rows, cols),
      upload(r, rows, fits),
      g,
      tiles,
      rows,
      previous,
    );
    recorder.submit();
    const expected = transposedProduct(r, x, rows).map((sum, i) => sum + before[i]!);
    assertClose(await readMatrix(g), expected, 1e-6, `gradient ${rows}x${cols}x${fits}`);
  }
});

gpuTest(
  "recordGram() multiplies a matrix with itself, with and without row weights",
  async (gpu) => {
    for (const [rows, cols] of shapes) {
      using own = new DisposableStack();
      const width = gpu.adapter.software ? 16 : 8;
      const tiles = createWholeTiles(own, gpu, width, cols, Math.ceil(cols / 4));
      const x = randomNumbers(rows * cols, 1);
      const weights = randomNumbers(rows, 2).map(Math.abs);
      const [plain, weighted] = [0, 1].map(() => own.use(createMatrix(gpu, cols, cols)));
      const recorder = new Recorder(gpu);
      const matrix = own.use(uploadMatrix(gpu, x, rows, cols));
      using log = new DispatchLog();
      recordGram(recorder, matrix, plain!, tiles, 0.25, rows);
      assert.equal(log.operations(), rows * cols ** 2, "operations");
      const w = own.use(uploadMatrix(gpu, weights, rows, 1));
      recordGram(recorder, matrix, weighted!, tiles, 1, rows, plain, w);
      recorder.submit();
      const quarter = transposedProduct(x, x, rows).map((sum) => sum / 4);
      assertClose(await readMatrix(plain!), quarter, 1e-6, `gram ${rows}x${cols}`);
      const scaled = x.map((value, at) => value * weights[Math.floor(at / cols)]!);
      const both = transposedProduct(scaled, x, rows).map((sum, i) => sum + quarter[i]!);
      assertClose(await readMatrix(weighted!), both, 1e-6, `weighted gram ${rows}x${cols}`);
    }
  },
);

gpuTest("recordGram() gives the same bits each time", async (gpu) => {
  const [rows, cols] = [90, 37];
  using own = new DisposableStack();
  const tiles = createWholeTiles(own, gpu, 8, cols, Math.ceil(cols / 4));
  const x = own.use(uploadMatrix(gpu, randomNumbers(rows * cols, 1), rows, cols));
  const weights = own.use(uploadMatrix(gpu, randomNumbers(rows, 2), rows, 1));
  const runs = Array.from({ length: 12 }, async () => {
    using product = createMatrix(gpu, cols, cols);
    const recorder = new Recorder(gpu);
    recordGram(recorder, x, product, tiles, 1, rows, undefined, weights);
    recorder.submit();
    return await readMatrix(product);
  });
  const [first, ...others] = await Promise.all(runs);
  for (const other of others) assert.deepEqual(other, first);
});

gpuTest("invertSets() inverts the matrix of each set of columns", async (gpu) => {
  compileOther(gpu, refuseVectorParts);
  // Lists of texels and, of these, the columns that belong to the set.
  await checkInverses(gpu, 53, [
    { texels: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13], member: () => true },
    { texels: [2, 5], member: (column) => column !== 9 },
    { texels: [13], member: () => true },
  ], 2e-5);
});

gpuTest("invertSets() inverts large matrices beside small ones", async (gpu) => {
  const texels = [...Array(138).keys()];
  await checkInverses(gpu, 550, [
    { texels: texels.slice(60, 95), member: (column) => column % 5 > 0 },
    { texels, member: (column) => column !== 130 },
    { texels: [137], member: () => true },
    // Steps of 128 pivots lose a digit to those of 32.
  ], 1e-4);
});

/** Multiplies inverses of sets of columns with their matrices. */
async function checkInverses(
  gpu: Gpu,
  cols: number,
  sets: readonly { texels: number[]; member: (column: number) => boolean }[],
  tolerance: number,
): Promise<void> {
  const x = randomNumbers(70 * cols, 5);
  const product = Float32Array.from(transposedProduct(x, x, 70));
  using own = new DisposableStack();
  const weight = new Float32Array(sets.length * cols).fill(1e18);
  sets.forEach(({ texels, member }, s) => {
    for (let j = 0; j < cols; j++) {
      if (texels.includes(j >> 2) && member(j)) weight[s * cols + j] = 1;
    }
  });
  const listed = Uint32Array.from(sets.flatMap((set) => set.texels));
  const texels = own.use(uploadStorage(gpu, listed, "texels"));
  let end = 0;
  const lists = sets.map((set, weightRow) => ({
    start: end,
    end: end += set.texels.length,
    weightRow,
  }));
  using log = new DispatchLog();
  const inverses = own.use(invertSets(
    gpu,
    own.use(uploadMatrix(gpu, product, cols, cols)),
    own.use(uploadMatrix(gpu, weight, sets.length, cols)),
    texels,
    lists,
    3,
  ));
  for (const name of ["strip", "mirror"]) {
    const { constants } = log.dispatches.find(({ label }) => label === `logistic ${name}`)!;
    const lanes = constants!["TOGETHER"]! * constants!["BLOCK"]! / 4;
    assert.equal(lanes, gpu.adapter.software ? 8 : 32, `lanes of a workgroup of the ${name}`);
  }
  const stacked = await readMatrix(inverses.matrix);
  const width = inverses.matrix.cols;
  // In each step the kept half of a matrix times the pivots, and the panel; a little for pivots.
  const pivots = pivotsFor(width);
  const least = sets.reduce((sum, set) => {
    const steps = Math.ceil(4 * set.texels.length / pivots);
    return sum + (steps ** 3 + 3 * steps ** 2) * pivots ** 3;
  }, 0);
  const share = log.operations() / least;
  assert.ok(share >= 1 && share < 1.1, `${share} of the operations`);
  sets.forEach((set, s) => {
    const local = set.texels.flatMap((k) => [0, 1, 2, 3].map((c) => 4 * k + c));
    const used = local.map((j, at) => ({ j, at })).filter(({ j }) => weight[s * cols + j] === 1);
    const identity: number[] = [];
    const found: number[] = [];
    for (const a of used.filter((_, i) => i % 8 === 0)) {
      for (const b of used) {
        let sum = 0;
        for (const c of used) {
          const entry = product[a.j * cols + c.j]! + (a.j === c.j ? 3 : 0);
          sum += entry * stacked[(inverses.firstRow[s]! + c.at) * width + b.at]!;
        }
        found.push(sum);
        identity.push(a.j === b.j ? 1 : 0);
      }
    }

    assertClose(found, identity, tolerance, `inverse of set ${s}`);
  });
}

Deno.test("the loss of a GPU whose log is no better than WGSL asks has seven digits", async () => {
  using gpu = await requestHardware();
  compileOther(gpu, loosenLog);
  const [rows, fits] = [37, 4];
  using own = new DisposableStack();
  const storage = (numbers: number) => own.use(createStorage(gpu, 4 * numbers, "numbers"));
  const partials = storage(4 * sumsPerChunk);
  const state = storage(stateFields.length * fits);
  for (const [least, most] of [[-6, 0], [0, 0.7], [0, 3]] as const) {
    const margins = randomNumbers(rows * fits).map((value) =>
      least + (most - least) * (value + 1) / 2
    );
    const next = own.use(uploadMatrix(gpu, margins, rows, fits));
    const block = { rows, firstRow: 0, z: next, previous: next, next, residuals: next };
    const recorder = new Recorder(gpu);
    // Every row is of the positive class.
    const targets = storage(fits);
    logisticSums(recorder, "loss", block, storage(rows), {
      state,
      partials,
      targets,
      fitTexels: 1,
    });
    recorder.submit();
    const losses = new Float32Array(await readStorage(partials)).subarray(0, fits);
    const expected = Float64Array.from(
      { length: fits },
      (_, fit) =>
        margins.filter((_, i) => i % fits === fit)
          .reduce((sum, margin) => sum + Math.log1p(Math.exp(-margin)), 0),
    );
    assertClose(losses, expected, 5e-7, `losses of margins from ${least} to ${most}`);
  }
});
