import { join } from "node:path";
import { openModelWeights, readFloats } from "../formats/safetensors.ts";
import { referenceAttention, referenceLayerNorm, referenceMatmul } from "../measure/reference.ts";
import { readConfig } from "../model/config.ts";

/** A tensor's numbers by its name in the file. */
type Weights = (name: string) => Float32Array;

/** Pools of a state, `[sentences, width]` each. */
type ReferencePools = Record<"first" | "max" | "mean", Float64Array>;

/**
 * The pooled states of a BERT model, in float64 and in the plainest way: `hidden.0` and so on, and
 * `activation.0` and so on.
 *
 * @param folder The model's folder.
 * @param sentences A list of token ids a sentence.
 */
export function referenceStates(
  folder: string,
  sentences: readonly (readonly number[])[],
): Map<string, ReferencePools> {
  const config = readConfig(join(folder, "config.json"));
  const size = {
    width: config.count("hidden_size"),
    heads: config.count("num_attention_heads"),
    blocks: config.count("num_hidden_layers"),
  };
  using source = openModelWeights(folder);
  const known = new Map<string, Float32Array>();
  const weights: Weights = (name) => {
    const tensor = known.get(name) ?? readFloats(source, name);
    known.set(name, tensor);
    return tensor;
  };
  const states = new Map<string, { state: Float64Array; rows: number }[]>();
  for (const ids of sentences) {
    forwardSentence(weights, size, ids, (name, state) => {
      states.set(name, [...(states.get(name) ?? []), { state, rows: ids.length }]);
    });
  }
  return new Map([...states].map(([name, each]) => {
    const pooled = (pool: (state: Float64Array, rows: number) => Float64Array) =>
      Float64Array.from(each.flatMap(({ state, rows }) => [...pool(state, rows)]));
    const first = pooled((state, rows) => state.subarray(0, state.length / rows));
    return [name, { first, max: pooled(maxOfRows), mean: pooled(meanOfRows) }];
  }));
}

function forwardSentence(
  weights: Weights,
  { width, heads, blocks }: { width: number; heads: number; blocks: number },
  ids: readonly number[],
  tap: (name: string, state: Float64Array) => void,
): void {
  const linear = (x: Float64Array, name: string) =>
    affine(x, ids.length, weights(`${name}.weight`), weights(`${name}.bias`));
  const norm = (x: Float64Array, name: string) =>
    referenceLayerNorm(x, weights(`${name}.weight`), weights(`${name}.bias`), 1e-12);
  let hidden = norm(embedding(weights, width, ids), "embeddings.LayerNorm");
  tap("hidden.0", hidden);
  for (let layer = 0; layer < blocks; layer++) {
    const block = `encoder.layer.${layer}`;
    const parts = ["query", "key", "value"].map((part) =>
      linear(hidden, `${block}.attention.self.${part}`)
    );
    const attended = referenceAttention(
      sideBySide(parts, width),
      ids.length,
      heads,
      width / heads,
      [...ids.keys()],
    );
    const middle = norm(
      add(linear(attended, `${block}.attention.output.dense`), hidden),
      `${block}.attention.output.LayerNorm`,
    );
    const activation = linear(middle, `${block}.intermediate.dense`).map(gelu);
    tap(`activation.${layer}`, activation);
    hidden = norm(
      add(linear(activation, `${block}.output.dense`), middle),
      `${block}.output.LayerNorm`,
    );
    tap(`hidden.${layer + 1}`, hidden);
  }
}

function embedding(weights: Weights, width: number, ids: readonly number[]): Float64Array {
  const [token, position, type] = ["word", "position", "token_type"].map((name) =>
    weights(`embeddings.${name}_embeddings.weight`)
  ) as [Float32Array, Float32Array, Float32Array];
  return Float64Array.from({ length: ids.length * width }, (_, i) => {
    const t = Math.floor(i / width), col = i % width;
    return token[ids[t]! * width + col]! + position[t * width + col]! + type[col]!;
  });
}

/** `x w^T + bias` of `x [rows, inputs]`. */
function affine(
  x: Float64Array,
  rows: number,
  w: Float32Array,
  bias: Float32Array,
): Float64Array {
  const outputs = bias.length;
  const product = referenceMatmul(x, w, rows, outputs, x.length / rows);
  return product.map((value, i) => value + bias[i % outputs]!);
}

function sideBySide(parts: readonly Float64Array[], width: number): Float64Array {
  return Float64Array.from({ length: parts[0]!.length * parts.length }, (_, i) => {
    const row = Math.floor(i / (parts.length * width));
    const part = Math.floor(i / width) % parts.length;
    return parts[part]![row * width + i % width]!;
  });
}

function add(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value + b[i]!);
}

function maxOfRows(x: Float64Array, rows: number): Float64Array {
  const width = x.length / rows;
  const max = new Float64Array(width).fill(-Infinity);
  x.forEach((value, i) => max[i % width] = Math.max(max[i % width]!, value));
  return max;
}

function meanOfRows(x: Float64Array, rows: number): Float64Array {
  const width = x.length / rows;
  const mean = new Float64Array(width);
  x.forEach((value, i) => mean[i % width]! += value / rows);
  return mean;
}

function gelu(x: number): number {
  return 0.5 * x * (1 + erf(x / Math.SQRT2));
}

/** The Maclaurin series, exact to rounding where |x| < 5. */
function erf(x: number): number {
  if (Math.abs(x) > 5) return Math.sign(x);
  let term = x, sum = x;
  for (let n = 1; Math.abs(term) > 1e-17; n++) {
    term *= -x * x / n;
    sum += term / (2 * n + 1);
  }
  return 2 / Math.sqrt(Math.PI) * sum;
}
