import { openModelWeights, type TensorSource } from "../formats/safetensors.ts";
import { rowMultiple } from "../gpu/matrix.ts";
import { type Precision, requirePrecision, texelBytes } from "../gpu/precision.ts";
import { pools } from "../ops/pool.ts";
import { roundUp } from "../util.ts";
import { headTexels, projectedColumns } from "./block_weights.ts";
import { capturedBytes, mostCaptured } from "./capture.ts";
import { readModel } from "./family.ts";
import { tokensPerBatch } from "./longest.ts";
import type { ModelSpec, StackSpec, WeightRefs } from "./spec.ts";
import { blocksToRun, findStates, listStates } from "./states.ts";
import { WeightReader } from "./weights.ts";
import { rowsAtOnce } from "./workspace.ts";

/** Bytes that a model takes; what the driver adds is not known. */
export interface MemoryNeeded {
  /** Weights on the device. */
  readonly weights: number;
  /** Intermediate states of a full batch on the device. */
  readonly states: number;
  /** Captured states of a batch on their way from the device, at most. */
  readonly captured: number;
  /** Embedding tables on the host. */
  readonly tables: number;
}

/** What {@linkcode memoryNeeded} depends on besides the model. */
export interface MemoryOptions {
  /** How weights lie in GPU memory. Default `f32`. */
  readonly weights?: Precision | undefined;
  /** The names of the only states that will be captured; default all. */
  readonly states?: readonly string[] | undefined;
  /** Whether the adapter is a software driver, which gets smaller batches. Default true. */
  readonly software?: boolean | undefined;
}

/**
 * Computes how much memory a model takes, from its configuration and the headers of its files.
 * While it is loaded, the host holds one tensor more.
 *
 * @param folder The model's folder.
 * @param options How the model will be used.
 * @returns Bytes on the device and on the host.
 * @throws {SpindleError} If there is no such folder, its configuration or weights are none that can
 * be loaded, or it has no such state.
 *
 * @example
 * ```ts
 * import { memoryNeeded } from "spindle";
 *
 * const { weights, tables } = memoryNeeded("models/all-MiniLM-L6-v2", { weights: "f16" });
 * console.log(weights, tables); // 22311936 23835648
 * ```
 */
export function memoryNeeded(folder: string, options: MemoryOptions = {}): MemoryNeeded {
  const precision = requirePrecision(options.weights);
  const { software = true } = options;
  const { spec, refs } = readModel(folder);
  using source = openModelWeights(folder);
  const reader = new WeightReader(source, spec, refs);
  const wanted = options.states ? findStates(spec, options.states) : listStates(spec);
  const counts = blocksToRun(spec, wanted);
  return {
    weights: spec.stacks.reduce(
      (sum, stack, i) => sum + (counts[i] ?? 0) * blockBytes(spec, stack, precision),
      0,
    ),
    states: statesBytes(spec, software, refs.embedding.norm !== undefined),
    captured: 3 *
      Math.min(mostCaptured, tokensPerBatch(software, spec) * pools.length * capturedBytes(wanted)),
    tables: tableBytes(source, reader, refs),
  };
}

function blockBytes({ width, ffnWidth }: ModelSpec, stack: StackSpec, precision: Precision) {
  const { heads, keyValueHeads } = stack.attention;
  const head = 4 * headTexels(stack.attention);
  const projections = (2 * heads + 2 * keyValueHeads) * head * width;
  const inner = (stack.ffn.gated ? 2 : 1) * ffnWidth;
  const ffn = (inner + ffnWidth) * width;
  const elements = projections * (stack.crossAttention ? 2 : 1) + ffn;
  const vectors = projectedColumns(stack.attention) + inner + 6 * width;
  // A bias or a gain takes as many rows as the smallest matrix, and one more.
  const vectorBytes = vectors * (rowMultiple + 1) * texelBytes("f32") / 4;
  return elements * texelBytes(precision) / 4 + vectorBytes;
}

/** The matrices that the forward pass keeps in its workspace, and where it stages the widest. */
function statesBytes(spec: ModelSpec, software: boolean, normsEmbedding: boolean): number {
  const { width, ffnWidth, embedding } = spec;
  // The sum and the norm after attention, the sum after the network, and two hidden states.
  const perBlock = normsEmbedding ? 6 : 5;
  const columns = spec.stacks.map(({ attention, ffn, crossAttention, finalNorm }) => {
    const head = 4 * headTexels(attention);
    const { heads, keyValueHeads, rotary } = attention;
    const turned = rotary ? heads + keyValueHeads : 0;
    const qkv = projectedColumns(attention);
    const cross = crossAttention ? width + qkv : 0;
    const staged = software ? Math.max(qkv, ffnWidth) : 0;
    return embedding.width + (finalNorm ? width : 0) + perBlock * width + cross +
      qkv + (heads + turned) * head + (ffn.gated ? 2 : 1) * ffnWidth + staged;
  });
  // Both stacks of an encoder-decoder work in the same matrices but for the embedding and the end.
  return roundUp(tokensPerBatch(software, spec), rowsAtOnce) * 4 * Math.max(...columns);
}

function tableBytes(source: TensorSource, reader: WeightReader, { embedding }: WeightRefs): number {
  return [embedding.token, embedding.position, embedding.tokenType]
    .reduce((sum, ref) => sum + (ref ? source.tensors.get(reader.nameOf(ref))!.byteLength : 0), 0);
}
