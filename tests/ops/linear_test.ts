import assert from "node:assert/strict";
import type { Gpu } from "../../src/gpu/device.ts";
import { createMatrix, uploadMatrix } from "../../src/gpu/matrix.ts";
import type { Precision } from "../../src/gpu/precision.ts";
import { readMatrix } from "../../src/gpu/read_matrix.ts";
import { Recorder } from "../../src/gpu/recorder.ts";
import { type Activation, linear } from "../../src/ops/linear.ts";
import { chooseTile, type LinearTile, linearTiles } from "../../src/ops/linear_tiles.ts";
import { assumeNumbers, compileOther } from "../compilers.ts";
import { gpuTest, requestHardware } from "../gpu.ts";
import { assertClose, randomNumbers } from "../numbers.ts";

/** A layer whose parts are present or not, its numbers made from its shape. */
interface Case {
  rows: number;
  inputs: number;
  outputs: number;
  bias?: boolean;
  activation?: Activation;
  factor?: boolean;
  residual?: boolean;
  precision?: Precision;
  tile?: LinearTile;
}

const activations: Record<Activation, (x: number) => number> = {
  identity: (x) => x,
  gelu: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  gelu_tanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  relu: (x) => Math.max(0, x),
  silu: (x) => x / (1 + Math.exp(-x)),
};

/** The Maclaurin series, exact to rounding where |x| < 5. */
function erf(x: number): number {
  if (Math.abs(x) > 5) return Math.sign(x);
  let term = x, sum = x;
  for (let n = 1; n < 200; n++) {
    term *= -x * x / n;
    sum += term / (2 * n + 1);
  }
  return 2 / Math.sqrt(Math.PI) * sum;
}

/** Compares a layer with the same sums in float64; returns what the GPU computed. */
async function check(gpu: Gpu, test: Case): Promise<Float32Array> {
  const { rows, inputs, outputs, activation = "identity", precision = "f32" } = test;
  const x = randomNumbers(rows * inputs, 1).map((value) => 2 * value);
  let w = randomNumbers(outputs * inputs, 2);
  if (precision === "f16") w = new Float32Array(new Float16Array(w));
  const bias = randomNumbers(outputs, 3);
  const factor = randomNumbers(rows * outputs, 4);
  const residual = randomNumbers(rows * outputs, 5);
  using owned = new DisposableStack();
  const upload = (data: Float32Array, height: number, width: number, kind?: Precision) =>
    owned.use(uploadMatrix(gpu, data, height, width, "operand", kind));
  const y = owned.use(createMatrix(gpu, rows, outputs));
  const recorder = new Recorder(gpu);
  linear(recorder, upload(x, rows, inputs), upload(w, outputs, inputs, precision), y, rows, {
    bias: test.bias ? upload(bias, 1, outputs) : undefined,
    activation,
    factor: test.factor ? upload(factor, rows, outputs) : undefined,
    residual: test.residual ? upload(residual, rows, outputs) : undefined,
    ...(test.tile && { tile: test.tile }),
  });
  recorder.submit();
  const expected = Float64Array.from({ length: rows * outputs }, (_, at) => {
    const row = Math.floor(at / outputs), output = at % outputs;
    let sum = test.bias ? bias[output]! : 0;
    for (let i = 0; i < inputs; i++) sum += x[row * inputs + i]! * w[output * inputs + i]!;
    return activations[activation](sum) * (test.factor ? factor[at]! : 1) +
      (test.residual ? residual[at]! : 0);
  });
  const computed = await readMatrix(y);
  assertClose(computed, expected, 2e-6, JSON.stringify(test));
  return computed;
}

gpuTest("linear() multiplies matrices of any shape", async (gpu) => {
  for (const rows of [1, 7, 13, 30, 37, 130]) {
    for (const inputs of [7, 37, 130]) await check(gpu, { rows, inputs, outputs: 13 });
  }
  await check(gpu, { rows: 37, inputs: 13, outputs: 130 });
  // More rows than share the weights of a column tile at once, in more than one band.
  await check(gpu, { rows: 1100, inputs: 390, outputs: 77 });
});

gpuTest("linear() writes no rows but those of the run", async (gpu) => {
  using x = uploadMatrix(gpu, randomNumbers(130 * 7, 1), 130, 7);
  using w = uploadMatrix(gpu, randomNumbers(9 * 7, 2), 9, 7);
  using y = uploadMatrix(gpu, randomNumbers(130 * 9, 3), 130, 9);
  const before = await readMatrix(y);
  const recorder = new Recorder(gpu);
  linear(recorder, x, w, y, 37);
  recorder.submit();
  const after = await readMatrix(y);
  assert.ok(after[37 * 9 - 1] !== before[37 * 9 - 1]);
  assert.deepEqual(after.slice(37 * 9), before.slice(37 * 9));
});

/** Fails where two tiles differ in a single bit, so that a choice by timing changes no result. */
async function checkTiles(gpu: Gpu): Promise<void> {
  const tiles = (["few", "many"] as const).flatMap((
    count,
  ) => [...linearTiles(gpu, count).values()]);
  for (
    const shape of [{ rows: 130, inputs: 37, outputs: 53 }, { rows: 7, inputs: 13, outputs: 37 }]
  ) {
    const outputs: Float32Array[] = [];
    for (const tile of tiles) outputs.push(await check(gpu, { ...shape, bias: true, tile }));
    outputs.forEach((output, i) =>
      assert.deepEqual(output, outputs[0], `the tile ${JSON.stringify(tiles[i])} has other bits`)
    );
  }
}

gpuTest("linear() gives the same bits with every tile", checkTiles);

Deno.test("linear() gives the same bits with every tile of a hardware GPU, in textures", async () => {
  using gpu = await requestHardware({ storage: "texture" });
  await checkTiles(gpu);
});

gpuTest("linear() takes a tile no taller than the rows need", (gpu) => {
  const { lanes } = gpu;
  const heights = [1, lanes, lanes + 1, 2 * lanes, 3 * lanes, 4 * lanes].map((rows) =>
    chooseTile(gpu, rows).rows
  );
  assert.deepEqual(heights, [1, 1, 2, 2, 4, 4]);
  return Promise.resolve();
});

gpuTest(
  "linear() adds a bias, activates, multiplies by a factor and adds a residual",
  async (gpu) => {
    const shape = { rows: 13, inputs: 37, outputs: 7 };
    for (const activation of Object.keys(activations) as Activation[]) {
      await check(gpu, { ...shape, activation });
      await check(gpu, { ...shape, activation, bias: true, factor: true, residual: true });
    }
    await check(gpu, { ...shape, bias: true });
    await check(gpu, { ...shape, factor: true });
    await check(gpu, { ...shape, residual: true });
    await check(gpu, { ...shape, rows: 37, bias: true, activation: "gelu", residual: true });
  },
);

gpuTest("linear() reads float16 weights and sums in float32", async (gpu) => {
  await check(gpu, { rows: 13, inputs: 130, outputs: 37, bias: true, precision: "f16" });
});

gpuTest("linear() keeps activations of large inputs finite", async (gpu) => {
  for (const activation of Object.keys(activations) as Activation[]) {
    using x = uploadMatrix(gpu, new Float32Array([-300, -30, 0, 30, 300]), 5, 1);
    using w = uploadMatrix(gpu, new Float32Array([1]), 1, 1);
    using y = createMatrix(gpu, 5, 1);
    const recorder = new Recorder(gpu);
    linear(recorder, x, w, y, 5, { activation });
    recorder.submit();
    const expected = [-300, -30, 0, 30, 300].map(activations[activation]);
    assertClose(await readMatrix(y), expected, 1e-9, activation);
  }
});

gpuTest("linear() keeps what is not finite through every activation", async (gpu) => {
  compileOther(gpu, assumeNumbers);
  for (const activation of Object.keys(activations) as Activation[]) {
    using x = uploadMatrix(gpu, new Float32Array([NaN, -1, Infinity]), 3, 1);
    using w = uploadMatrix(gpu, new Float32Array([1]), 1, 1);
    using y = createMatrix(gpu, 3, 1);
    const recorder = new Recorder(gpu);
    linear(recorder, x, w, y, 3, { activation });
    recorder.submit();
    const found = [...await readMatrix(y)].map(Number.isFinite);
    assert.deepEqual(found, [false, true, false], activation);
  }
});
