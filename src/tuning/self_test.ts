import type { Gpu } from "../gpu/device.ts";
import { createMatrix, uploadMatrix } from "../gpu/matrix.ts";
import { readMatrix } from "../gpu/read_matrix.ts";
import { Recorder } from "../gpu/recorder.ts";
import { linear } from "../ops/linear.ts";
import { seededRandom } from "../random.ts";

/** No dimension is a multiple of what a kernel works in, so that its edges are checked too. */
const ROWS = 37, INPUTS = 130, OUTPUTS = 53;

/** How a kernel's result compares with the same sums on the processor in float64. */
interface SelfTest {
  /** Rows, inputs and outputs of the layer. */
  readonly shape: readonly [rows: number, inputs: number, outputs: number];
  readonly largestDifference: number;
  /** The largest difference that rounding in float32 explains. */
  readonly bound: number;
  readonly passed: boolean;
}

/** Runs a linear layer of odd shape on the GPU and on the processor. */
export async function checkLinear(gpu: Gpu): Promise<SelfTest> {
  const random = seededRandom(0);
  const numbers = (length: number) => Float32Array.from({ length }, () => 2 * random() - 1);
  const x = numbers(ROWS * INPUTS), w = numbers(OUTPUTS * INPUTS), bias = numbers(OUTPUTS);
  const computed = await linearOnGpu(gpu, x, w, bias);
  const expected = linearOnProcessor(x, w, bias);
  let largestDifference = 0, largest = 1;
  expected.forEach((value, i) => {
    const difference = Math.abs(value - computed[i]!);
    if (Number.isNaN(difference)) largestDifference = Infinity;
    if (difference > largestDifference) largestDifference = difference;
    largest = Math.max(largest, Math.abs(value));
  });
  const bound = 1e-5 * largest;
  const passed = computed.length === expected.length && largestDifference <= bound;
  return { shape: [ROWS, INPUTS, OUTPUTS], largestDifference, bound, passed };
}

async function linearOnGpu(
  gpu: Gpu,
  xData: Float32Array,
  wData: Float32Array,
  biasData: Float32Array,
): Promise<Float32Array> {
  using x = uploadMatrix(gpu, xData, ROWS, INPUTS, "self-test input");
  using w = uploadMatrix(gpu, wData, OUTPUTS, INPUTS, "self-test weights");
  using bias = uploadMatrix(gpu, biasData, 1, OUTPUTS, "self-test bias");
  using y = createMatrix(gpu, ROWS, OUTPUTS, "self-test output");
  using recorder = new Recorder(gpu);
  linear(recorder, x, w, y, ROWS, { bias });
  recorder.submit();
  return await readMatrix(y);
}

function linearOnProcessor(x: Float32Array, w: Float32Array, bias: Float32Array): Float64Array {
  const y = new Float64Array(ROWS * OUTPUTS);
  for (let row = 0; row < ROWS; row++) {
    for (let output = 0; output < OUTPUTS; output++) {
      let sum = bias[output]!;
      for (let i = 0; i < INPUTS; i++) sum += x[row * INPUTS + i]! * w[output * INPUTS + i]!;
      y[row * OUTPUTS + output] = sum;
    }
  }
  return y;
}
