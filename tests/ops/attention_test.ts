import assert from "node:assert/strict";
import type { Gpu } from "../../src/gpu/device.ts";
import { createMatrix, uploadMatrix } from "../../src/gpu/matrix.ts";
import { uploadStorage } from "../../src/gpu/memory.ts";
import { readMatrix } from "../../src/gpu/read_matrix.ts";
import { mostOperations, Recorder } from "../../src/gpu/recorder.ts";
import { packBatch } from "../../src/model/batch.ts";
import { attention } from "../../src/ops/attention.ts";
import { type AttentionVariant, attentionVariants } from "../../src/ops/attention_variants.ts";
import { compileOther, overflowExp } from "../compilers.ts";
import { gpuTest } from "../gpu.ts";
import { DispatchLog } from "../gpu/dispatch_log.ts";
import { assertClose, randomNumbers } from "../numbers.ts";

interface Case {
  lengths: number[];
  heads: number;
  keyValueHeads: number;
  headTexels: number;
  causal?: boolean;
  window?: number;
  /** Reach of a table of biases by distance. */
  reach?: number;
  variant?: AttentionVariant;
  /** What is said of the longest sentence. */
  longest?: number;
}

const scale = 0.7;

/** Softmax attention of one head over all tokens, a query at a time. */
function reference(test: Case, projection: Float32Array, bias: Float32Array): Float64Array {
  const { lengths, heads, keyValueHeads, headTexels, causal, window, reach } = test;
  const width = 4 * headTexels;
  const cols = (heads + 2 * keyValueHeads) * width;
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const out = new Float64Array(tokens * heads * width);
  const at = (row: number, head: number, i: number) => projection[row * cols + head * width + i]!;
  const dims = [...Array(width).keys()];
  let begin = 0;
  for (const length of lengths) {
    const rows = Array.from({ length }, (_, i) => begin + i);
    for (const q of rows) {
      for (let head = 0; head < heads; head++) {
        const shared = Math.floor(head / (heads / keyValueHeads));
        const visible = rows.filter((k) =>
          (!causal || k <= q) && (!window || Math.abs(k - q) < window)
        );
        const scores = visible.map((k) => {
          const product = dims.reduce((s, i) => s + at(q, head, i) * at(k, heads + shared, i), 0);
          const distance = Math.max(-reach!, Math.min(reach!, k - q));
          return scale * product + (reach ? bias[head * (2 * reach + 1) + reach + distance]! : 0);
        });
        const highest = Math.max(...scores);
        const weights = scores.map((score) => Math.exp(score - highest));
        const sum = weights.reduce((total, weight) => total + weight, 0);
        for (const i of dims) {
          out[(q * heads + head) * width + i] = visible.reduce(
            (total, k, v) => total + weights[v]! / sum * at(k, heads + keyValueHeads + shared, i),
            0,
          );
        }
      }
    }
    begin += length;
  }
  return out;
}

/** Compares attention with the reference; returns what the GPU computed, and by what. */
async function check(gpu: Gpu, test: Case) {
  const { lengths, heads, keyValueHeads, headTexels, causal = false, window, reach } = test;
  const cols = (heads + 2 * keyValueHeads) * headTexels * 4;
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const projection = randomNumbers(tokens * cols).map((value) => 2 * value);
  const bias = randomNumbers(reach ? heads * (2 * reach + 1) : 4, 2);
  // What a longer batch left behind the rows of this one is no number at worst.
  const spare = 9;
  const rows = new Float32Array((tokens + spare) * cols).fill(NaN);
  rows.set(projection);
  using matrix = uploadMatrix(gpu, rows, tokens + spare, cols);
  using out = createMatrix(gpu, tokens, heads * headTexels * 4);
  using biases = uploadStorage(gpu, bias, "bias");
  const sentences = lengths.map((length) => Array<number>(length).fill(0));
  using batch = packBatch(gpu, sentences, { first: 0, count: lengths.length });
  using log = new DispatchLog();
  using recorder = new Recorder(gpu);
  attention(
    recorder,
    { matrix, texel: 0 },
    { matrix, texel: heads * headTexels },
    { matrix, texel: (heads + keyValueHeads) * headTexels },
    out,
    { ...batch.queryBlocks, longest: test.longest ?? batch.longest },
    {
      heads,
      keyValueHeads,
      headTexels,
      scale,
      causal,
      window,
      bias: reach ? { storage: biases, reach } : undefined,
      ...(test.variant && { variant: test.variant }),
    },
  );
  recorder.submit();
  const expected = reference(test, projection, bias);
  const output = await readMatrix(out);
  assertClose(output, expected, 3e-6, JSON.stringify(test));
  return { output, dispatches: log.dispatches };
}

const base = { lengths: [13, 1, 37, 70], heads: 2, keyValueHeads: 2, headTexels: 2 };

gpuTest("attention() stays within each sentence of a packed batch", async (gpu) => {
  await check(gpu, base);
  await check(gpu, { ...base, lengths: [130], heads: 1, keyValueHeads: 1, headTexels: 5 });
});

gpuTest("attention() sees no later key where it is causal", async (gpu) => {
  await check(gpu, { ...base, causal: true });
});

gpuTest("attention() shares key and value heads among groups of query heads", async (gpu) => {
  await check(gpu, { ...base, heads: 6, keyValueHeads: 2 });
});

gpuTest("attention() sees only keys within its window", async (gpu) => {
  for (const window of [1, 7, 40, 1000]) {
    await check(gpu, { ...base, window });
    await check(gpu, { ...base, window, causal: true });
  }
});

gpuTest("attention() adds a bias by distance, beyond its reach that of the ends", async (gpu) => {
  await check(gpu, { ...base, reach: 130 });
  await check(gpu, { ...base, reach: 7, causal: true });
});

gpuTest("attention() of much work is cut into dispatches that give the same bits", async (gpu) => {
  const lengths = [...base.lengths, ...Array<number>(40).fill(1)];
  const whole = await check(gpu, { ...base, lengths });
  // As if a sentence were so long.
  const longest = mostOperations / 1000;
  const cut = await check(gpu, { ...base, lengths, longest });
  assert.deepEqual(cut.output, whole.output);
  assert.equal(whole.dispatches.length, 1);
  assert.equal(cut.dispatches.length, gpu.adapter.software ? 1 : 3);
});

gpuTest("a workgroup of attention() has no lanes that idle in short sentences", async (gpu) => {
  const { dispatches } = await check(gpu, { ...base, lengths: [25, 32, 33] });
  assert.equal(dispatches[0]!.workgroups[0], 4);
  const [, lanes] = dispatches[0]!.code.match(/@workgroup_size\((\d+)\)/)!;
  assert.ok(Number(lanes) <= 32, `${lanes} lanes for 32 queries`);
});

gpuTest("attention() gives the same bits by all variants", async (gpu) => {
  const variants = [
    ...attentionVariants(gpu, "short").values(),
    ...attentionVariants(gpu, "long").values(),
  ];
  for (const more of [{}, { causal: true }, { window: 7 }, { reach: 7 }]) {
    const outputs: Float32Array[] = [];
    for (const variant of variants) {
      outputs.push((await check(gpu, { ...base, ...more, variant })).output);
    }
    for (const output of outputs) assert.deepEqual(output, outputs[0]);
  }
});

gpuTest("attention() leaves no exp to overflow within", async (gpu) => {
  compileOther(gpu, overflowExp);
  await check(gpu, { ...base, window: 7, causal: true });
});
