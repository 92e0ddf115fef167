import assert from "node:assert/strict";
import { createMatrix, uploadMatrix } from "../../src/gpu/matrix.ts";
import { readMatrix } from "../../src/gpu/read_matrix.ts";
import { Recorder } from "../../src/gpu/recorder.ts";
import { norm } from "../../src/ops/norm.ts";
import { gpuTest } from "../gpu.ts";
import { assertClose, randomNumbers } from "../numbers.ts";

const epsilon = 1e-5;

function reference(kind: "layer" | "rms", x: Float32Array, gain: Float32Array, bias: Float32Array) {
  const width = gain.length;
  return Float64Array.from(x, (value, at) => {
    const row = x.subarray(at - at % width, at - at % width + width);
    const average = (f: (value: number) => number) => row.reduce((sum, v) => sum + f(v), 0) / width;
    const mean = kind === "layer" ? average((v) => v) : 0;
    const variance = average((v) => (v - mean) ** 2);
    return (value - mean) / Math.sqrt(variance + epsilon) * gain[at % width]! + bias[at % width]!;
  });
}

for (const kind of ["layer", "rms"] as const) {
  gpuTest(`norm() computes the ${kind} norm of each row`, async (gpu) => {
    for (
      const [rows, width] of [[1, 7], [7, 13], [13, 37], [37, 130], [130, 8], [300, 37]] as const
    ) {
      // Far from zero, so that a mean left in the variance would show.
      const x = randomNumbers(rows * width).map((value) => value + 3);
      const gain = randomNumbers(width, 2), bias = randomNumbers(width, 3);
      using xs = uploadMatrix(gpu, x, rows, width);
      using gains = uploadMatrix(gpu, gain, 1, width);
      using biases = uploadMatrix(gpu, bias, 1, width);
      using y = createMatrix(gpu, rows, width);
      const recorder = new Recorder(gpu);
      norm(recorder, kind, xs, { gain: gains, bias: biases }, y, rows, epsilon);
      recorder.submit();
      const expected = reference(kind, x, gain, bias);
      assertClose(await readMatrix(y), expected, 2e-6, `${rows} x ${width}`);
    }
  });
}

gpuTest("norm() writes no rows but those of the run", async (gpu) => {
  using x = uploadMatrix(gpu, randomNumbers(45 * 7), 45, 7);
  using one = uploadMatrix(gpu, new Float32Array(7).fill(1), 1, 7);
  using y = uploadMatrix(gpu, new Float32Array(45 * 7).fill(9), 45, 7);
  const recorder = new Recorder(gpu);
  norm(recorder, "layer", x, { gain: one, bias: one }, y, 37, epsilon);
  recorder.submit();
  const found = await readMatrix(y);
  assert.equal(found.findIndex((value) => value === 9), 37 * 7);
  assert.ok(found.subarray(37 * 7).every((value) => value === 9));
});
