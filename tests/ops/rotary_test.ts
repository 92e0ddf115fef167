import type { Gpu } from "../../src/gpu/device.ts";
import { uploadMatrix } from "../../src/gpu/matrix.ts";
import { uploadStorage } from "../../src/gpu/memory.ts";
import { readMatrix } from "../../src/gpu/read_matrix.ts";
import { Recorder } from "../../src/gpu/recorder.ts";
import { rotary } from "../../src/ops/rotary.ts";
import { gpuTest } from "../gpu.ts";
import { assertClose, randomNumbers } from "../numbers.ts";

const epsilon = 1e-6;

async function check(gpu: Gpu, rows: number, heads: number, headWidth: number, isNormed: boolean) {
  const width = 4 * Math.ceil(headWidth / 4);
  const cols = heads * width + 7;
  const isPadding = (i: number) => i % width >= headWidth;
  const x = randomNumbers(rows * cols).map((value, at) => isPadding(at % cols) ? 0 : value);
  const table = randomNumbers(rows * width, 2);
  const gain = randomNumbers(heads * width, 3);
  const positions = Uint32Array.from({ length: rows }, (_, row) => rows - 1 - row);
  using xs = uploadMatrix(gpu, x, rows, cols);
  using tables = uploadMatrix(gpu, table, rows, width);
  using gains = uploadMatrix(gpu, gain, heads, width);
  using places = uploadStorage(gpu, positions, "positions");
  // Rows behind those of the run, which it leaves as they are.
  const spare = new Float32Array((rows + 5) * heads * width).fill(9);
  using y = uploadMatrix(gpu, spare, rows + 5, heads * width);
  const recorder = new Recorder(gpu);
  const norm = { gain: gains, headWidth, epsilon };
  rotary(recorder, xs, y, rows, places, tables, isNormed ? norm : undefined);
  recorder.submit();

  const expected = new Float64Array(spare);
  for (let row = 0; row < rows; row++) {
    for (let head = 0; head < heads; head++) {
      let state = [...x.subarray(row * cols + head * width, row * cols + (head + 1) * width)];
      if (isNormed) {
        const squares = state.reduce((sum, value) => sum + value * value, 0) / headWidth;
        state = state.map((v, i) => v / Math.sqrt(squares + epsilon) * gain[head * width + i]!);
      }
      for (let i = 0; i < width; i += 2) {
        const at = positions[row]! * width + i;
        const cosine = table[at]!, sine = table[at + 1]!;
        const out = (row * heads + head) * width + i;
        expected[out] = state[i]! * cosine - state[i + 1]! * sine;
        expected[out + 1] = state[i + 1]! * cosine + state[i]! * sine;
      }
    }
  }
  assertClose(await readMatrix(y), expected, 2e-6, `${rows} rows, ${heads} x ${headWidth}`);
}

gpuTest("rotary() turns pairs of columns by the row's position", async (gpu) => {
  await check(gpu, 13, 3, 7, false);
  await check(gpu, 37, 1, 130, false);
  await check(gpu, 130, 5, 4, false);
});

gpuTest("rotary() norms each head before it turns", async (gpu) => {
  await check(gpu, 13, 3, 7, true);
  await check(gpu, 37, 2, 37, true);
});
