import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Bench } from "../../src/bench/measure.ts";
import { measureForward } from "../../src/bench/measure_forward.ts";
import { createPeakKernels } from "../../src/bench/peak.ts";
import {
  openModelWeights,
  readFloats,
  type TensorData,
  writeSafetensors,
} from "../../src/formats/safetensors.ts";
import { startStopwatch } from "../../src/measure/stopwatch.ts";
import { requestGpu } from "../../src/tuning/request.ts";
import { withFolder } from "../folder.ts";
import { writeLetterTokenizer } from "../model/text_model.ts";
import { randomNumbers } from "../numbers.ts";

const electra = fileURLToPath(new URL("../model/golden/electra", import.meta.url));
const [width, vocabulary, positions] = [12, 23, 40];

/** Turns a tiny ELECTRA into a BERT whose word "t" has no number in its embedding. */
function writeBert(folder: string, activation: string): void {
  writeLetterTokenizer(folder);
  const config = JSON.parse(Deno.readTextFileSync(join(electra, "config.json")));
  const changes = {
    model_type: "bert",
    hidden_act: activation,
    layer_norm_eps: 1e-12,
    max_position_embeddings: positions,
  };
  Deno.writeTextFileSync(join(folder, "config.json"), JSON.stringify({ ...config, ...changes }));
  using source = openModelWeights(electra);
  const tensors = new Map<string, TensorData>();
  for (const { name, shape } of source.tensors.values()) {
    if (!name.startsWith("electra.encoder.")) continue;
    tensors.set(name.replace("electra.", ""), {
      dtype: "F32",
      shape,
      data: readFloats(source, name),
    });
  }
  const word = randomNumbers(vocabulary * width).fill(NaN, (vocabulary - 1) * width);
  const tables = {
    word,
    position: randomNumbers(positions * width, 2),
    token_type: randomNumbers(2 * width, 3),
  };
  for (const [name, data] of Object.entries(tables)) {
    const shape = [data.length / width, width];
    tensors.set(`embeddings.${name}_embeddings.weight`, { dtype: "F32", shape, data });
  }
  for (const [part, value] of [["weight", 1], ["bias", 0]] as const) {
    const data = new Float32Array(width).fill(value);
    tensors.set(`embeddings.LayerNorm.${part}`, { dtype: "F32", shape: [width], data });
  }
  writeSafetensors(join(folder, "model.safetensors"), tensors);
}

/** Measures the forward pass on every other one of some texts, and longer runs on all of them. */
async function measure(activation: string, texts: string[]) {
  let measured: Awaited<ReturnType<typeof measureForward>>;
  let clock: string;
  await withFolder(async (folder) => {
    writeBert(folder, activation);
    using gpu = await requestGpu();
    using peaks = createPeakKernels(gpu);
    using stopwatch = await startStopwatch(gpu, peaks.arithmetic.record);
    clock = stopwatch.clock;
    const bench: Bench = {
      gpu,
      stopwatch,
      peaks,
      rounds: 1,
      peakRates: { arithmetic: [], copy: [] },
    };
    measured = await measureForward(gpu, bench, { folder, texts, sentences: texts.length / 2 });
  });
  return { ...measured!, clock: clock! };
}

Deno.test("measureForward() does not time a pass that computes something wrong", async () => {
  // The reference knows no other activation than that of BERT.
  const { results, peers } = await measure("relu", ["a film", "so bad"]);
  assert.equal(results.length, 1);
  const [{ correct, medianMs, share, tokensPerSecond }] = results as [typeof results[0]];
  assert.deepEqual([correct, medianMs, share, tokensPerSecond], [false, NaN, NaN, undefined]);
  assert.deepEqual(peers, []);
});

Deno.test("measureForward() does not time longer runs that compute something wrong", async () => {
  // Texts enough for a run of 1,000 tokens.
  const texts = Array.from({ length: 8 }, (_, i) => i % 2 ? "t" : "a film so bad".repeat(3));
  const { results: [own, ...lengths], clock } = await measure("gelu", texts);
  assert.ok(own!.correct && own!.medianMs > 0 && own!.share > 0 && own!.tokensPerSecond! > 0);
  assert.equal(lengths.length, clock === "timestamps" ? 1 : 0);
  for (const { correct, medianMs, share, tokensPerSecond } of lengths) {
    assert.deepEqual([correct, medianMs, share, tokensPerSecond], [false, NaN, NaN, undefined]);
  }
});
