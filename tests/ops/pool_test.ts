import assert from "node:assert/strict";
import type { Gpu } from "../../src/gpu/device.ts";
import { uploadMatrix } from "../../src/gpu/matrix.ts";
import { createStorage, uploadStorage } from "../../src/gpu/memory.ts";
import { readStorage } from "../../src/gpu/read_storage.ts";
import { Recorder } from "../../src/gpu/recorder.ts";
import { type Pool, pool, pools, spreadStep, unpack } from "../../src/ops/pool.ts";
import { assumeNumbers, compileOther } from "../compilers.ts";
import { gpuTest } from "../gpu.ts";
import { assertClose, randomNumbers } from "../numbers.ts";

const lengths = [7, 1, 13, 37];
const spans = lengths.map((length, i) => {
  const begin = lengths.slice(0, i).reduce((sum, value) => sum + value, 0);
  return [begin, begin + length] as const;
});
const tokens = spans.at(-1)![1];

function pooled(name: Pool, values: number[]): number {
  if (name === "first") return values[0]!;
  if (name === "last") return values.at(-1)!;
  if (name === "max") return Math.max(...values);
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

async function check(gpu: Gpu, width: number, wanted: readonly Pool[]): Promise<void> {
  const padded = 4 * Math.ceil(width / 4);
  const x = randomNumbers(tokens * width).map((value) => value - 2);
  using matrix = uploadMatrix(gpu, x, tokens, width);
  using sentences = uploadStorage(gpu, new Uint32Array(spans.flat()), "sentences");
  const size = wanted.length * lengths.length * padded * 4;
  const offset = 256;
  using storage = createStorage(gpu, offset + size, "pooled");
  const recorder = new Recorder(gpu);
  pool(recorder, matrix, sentences, lengths.length, wanted, { storage, offset, size });
  recorder.submit();
  const found = new Float32Array(await readStorage(storage)).subarray(offset / 4);
  wanted.forEach((name, p) =>
    spans.forEach(([begin, end], sentence) => {
      const from = (p * lengths.length + sentence) * padded;
      const expected = Array.from({ length: width }, (_, col) => {
        const rows = Array.from(
          { length: end - begin },
          (_, row) => x[(begin + row) * width + col]!,
        );
        return pooled(name, rows);
      });
      assertClose(found.subarray(from, from + width), expected, 1e-6, `${name} ${sentence}`);
    })
  );
}

gpuTest("pool() takes the first, last, largest and mean value of each sentence", async (gpu) => {
  for (const width of [7, 13, 37, 130]) await check(gpu, width, pools);
});

gpuTest("pool() keeps what is not finite in every pool that covers it", async (gpu) => {
  compileOther(gpu, assumeNumbers);
  const width = 5;
  for (const broken of [NaN, Infinity, -Infinity]) {
    const x = randomNumbers(tokens * width);
    x[2 * width + 3] = broken; // in the middle of the first sentence
    using matrix = uploadMatrix(gpu, x, tokens, width);
    using sentences = uploadStorage(gpu, new Uint32Array(spans.flat()), "sentences");
    const size = 2 * lengths.length * 8 * 4;
    using storage = createStorage(gpu, size, "pooled");
    using recorder = new Recorder(gpu);
    pool(recorder, matrix, sentences, lengths.length, ["max", "mean"], {
      storage,
      offset: 0,
      size,
    });
    recorder.submit();
    const found = new Float32Array(await readStorage(storage));
    const broke = [...found].flatMap((value, i) => Number.isFinite(value) ? [] : [i]);
    assert.deepEqual(broke, [3, 8 * lengths.length + 3], `${broken}`);
  }
});

gpuTest("pool() computes only the wanted pools", async (gpu) => {
  for (const name of pools) await check(gpu, 13, [name]);
  await check(gpu, 13, ["first", "mean"]);
});

gpuTest("unpack() copies the rows of a matrix", async (gpu) => {
  for (const [rows, width] of [[7, 13], [37, 130], [130, 7]] as const) {
    const padded = 4 * Math.ceil(width / 4);
    const x = randomNumbers(rows * width);
    using matrix = uploadMatrix(gpu, x, rows, width);
    const size = (rows + 1) * padded * 4;
    using storage = uploadStorage(gpu, new Float32Array(size / 4).fill(9), "unpacked");
    const recorder = new Recorder(gpu);
    unpack(recorder, matrix, rows, { storage, offset: 0, size });
    recorder.submit();
    const found = new Float32Array(await readStorage(storage, size));
    assert.ok(found.subarray(rows * padded).every((value) => value === 9), "no other rows");
    for (let row = 0; row < rows; row++) {
      assert.deepEqual(
        found.subarray(row * padded, row * padded + width),
        x.subarray(row * width, (row + 1) * width),
      );
    }
  }
});

Deno.test("spreadStep() leads to every sentence once, and each half has long and short ones", () => {
  for (let count = 1; count <= 100; count++) {
    const order = Array.from({ length: count }, (_, i) => i * spreadStep(count) % count);
    assert.equal(new Set(order).size, count, `${count}`);
    const half = order.slice(0, Math.floor(count / 2));
    const mean = half.reduce((sum, sentence) => sum + sentence, 0) / half.length;
    if (count >= 16) assert.ok(Math.abs(mean / count - 0.5) < 0.1, `${count}: ${mean}`);
  }
});
