import type { Gpu } from "../gpu/device.ts";
import { createMatrix, uploadMatrix } from "../gpu/matrix.ts";
import { readMatrix } from "../gpu/read_matrix.ts";
import { Recorder } from "../gpu/recorder.ts";
import { differenceOf } from "../measure/difference.ts";
import { randomNumbers } from "../measure/numbers.ts";
import { referenceMatmul } from "../measure/reference.ts";
import { linear } from "../ops/linear.ts";

/** No dimension is a multiple of what a kernel works in, so that its edges are checked too. */
const rows = 37, inputs = 130, outputs = 53;

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
  const x = randomNumbers(rows * inputs, 1);
  const w = randomNumbers(outputs * inputs, 2);
  const bias = randomNumbers(outputs, 3);
  const computed = await linearOnGpu(gpu, x, w, bias);
  const expected = referenceMatmul(x, w, rows, outputs, inputs)
    .map((sum, i) => sum + bias[i % outputs]!);
  const { largest: largestDifference, scale } = differenceOf(computed, expected);
  const bound = 1e-5 * scale;
  const passed = largestDifference <= bound;
  return { shape: [rows, inputs, outputs], largestDifference, bound, passed };
}

async function linearOnGpu(
  gpu: Gpu,
  xData: Float32Array,
  wData: Float32Array,
  biasData: Float32Array,
): Promise<Float32Array> {
  using x = uploadMatrix(gpu, xData, rows, inputs, "self-test input");
  using w = uploadMatrix(gpu, wData, outputs, inputs, "self-test weights");
  using bias = uploadMatrix(gpu, biasData, 1, outputs, "self-test bias");
  using y = createMatrix(gpu, rows, outputs, "self-test output");
  using recorder = new Recorder(gpu);
  linear(recorder, x, w, y, rows, { bias });
  recorder.submit();
  return await readMatrix(y);
}
