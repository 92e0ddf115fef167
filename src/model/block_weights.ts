import type { Gpu } from "../gpu/device.ts";
import { type Matrix, type Precision, uploadMatrix } from "../gpu/matrix.ts";
import type { NormWeights } from "../ops/norm.ts";
import { type HostMatrix, pickCols, pickRows, stackRows } from "./host_matrix.ts";
import type {
  AttentionRefs,
  AttentionSpec,
  BlockRefs,
  LayerRef,
  ModelSpec,
  RotarySpec,
  TensorRef,
} from "./spec.ts";
import type { WeightReader } from "./weights.ts";

/** A linear layer on the GPU. */
export interface Linear {
  /** `[outputs, inputs]`. */
  readonly weight: Matrix;
  /** `[1, outputs]`. */
  readonly bias: Matrix | undefined;
}

/** An attention layer on the GPU. */
export interface AttentionWeights {
  readonly norm: NormWeights | undefined;
  /** To queries, keys and values; in cross-attention to queries alone. */
  readonly projection: Linear;
  /** In cross-attention from the other stack's output to keys and values. */
  readonly memoryProjection: Linear | undefined;
  readonly output: Linear;
  /** Gains of the head norms, `[heads + keyValueHeads, 4 * headTexels]`. */
  readonly headNorm: Matrix | undefined;
}

/** One block on the GPU. */
export interface BlockWeights {
  readonly attention: AttentionWeights;
  readonly crossAttention: AttentionWeights | undefined;
  readonly ffn: {
    readonly norm: NormWeights | undefined;
    readonly gate: Linear;
    readonly up: Linear | undefined;
    readonly down: Linear;
  };
}

/** Reads weights and moves them to the GPU, whose memory `owned` frees. */
export interface Loader {
  readonly gpu: Gpu;
  readonly reader: WeightReader;
  readonly spec: ModelSpec;
  readonly precision: Precision;
  readonly owned: DisposableStack;
}

/** Loads one block. */
export function loadBlock(
  loader: Loader,
  attention: AttentionSpec,
  rotary: RotarySpec | undefined,
  refs: BlockRefs,
): BlockWeights {
  const { width, ffnWidth } = loader.spec;
  const { ffn, crossAttention } = refs;
  return {
    attention: loadAttention(loader, attention, rotary, refs.attention, false),
    crossAttention: crossAttention &&
      loadAttention(loader, attention, undefined, crossAttention, true),
    ffn: {
      norm: ffn.norm && loadNorm(loader, ffn.norm, width),
      gate: loadLinear(loader, ffn.gate, ffnWidth, width),
      up: ffn.up && loadLinear(loader, ffn.up, ffnWidth, width),
      down: loadLinear(loader, ffn.down, width, ffnWidth),
    },
  };
}

/** Loads a norm; a missing bias is zero. */
export function loadNorm(loader: Loader, ref: LayerRef, width: number): NormWeights {
  const { reader } = loader;
  const zeros = { data: new Float32Array(width), rows: 1, cols: width };
  return {
    gain: keep(loader, reader.vector(ref.weight, width), ref.weight.name),
    bias: keep(loader, ref.bias ? reader.vector(ref.bias, width) : zeros, ref.weight.name),
  };
}

/** Loads a linear layer. */
export function loadLinear(loader: Loader, ref: LayerRef, outputs: number, inputs: number): Linear {
  return toLinear(loader, ref.weight.name, readLinear(loader, ref, outputs, inputs));
}

interface HostLinear {
  weight: HostMatrix;
  /** A column, so that its rows go the way of the weight's rows. */
  bias: HostMatrix | undefined;
}

function readLinear(
  { reader }: Loader,
  ref: LayerRef,
  outputs: number,
  inputs: number,
): HostLinear {
  const bias = ref.bias && { ...reader.vector(ref.bias, outputs), rows: outputs, cols: 1 };
  return { weight: reader.matrix(ref.weight, outputs, inputs), bias };
}

function toLinear(loader: Loader, label: string, { weight, bias }: HostLinear): Linear {
  return {
    weight: keep(loader, weight, label, loader.precision),
    bias: bias && keep(loader, { data: bias.data, rows: 1, cols: bias.rows }, label),
  };
}

function keep(
  { gpu, owned }: Loader,
  { data, rows, cols }: HostMatrix,
  label: string,
  precision?: Precision,
): Matrix {
  const matrix = owned.use(uploadMatrix(gpu, data, rows, cols, label, precision));
  // What an upload is copied through is kept until the next submission.
  gpu.device.queue.submit([]);
  return matrix;
}

/**
 * Loads an attention layer. Projections of the same state become one, and every head is padded to
 * whole texels: with zero rows in the projections, and with zero columns in the output layer.
 */
function loadAttention(
  loader: Loader,
  attention: AttentionSpec,
  rotary: RotarySpec | undefined,
  refs: AttentionRefs,
  isCross: boolean,
): AttentionWeights {
  const { width } = loader.spec;
  const { heads, keyValueHeads, headWidth } = attention;
  const read = (ref: LayerRef, count: number, turned?: RotarySpec): HostLinear => {
    const { weight, bias } = readLinear(loader, ref, count * headWidth, width);
    const order = headOrder(attention, count, turned);
    return { weight: pickRows(weight, order), bias: bias && pickRows(bias, order) };
  };
  const query = read(refs.query, heads, rotary);
  const key = read(refs.key, keyValueHeads, rotary);
  const value = read(refs.value, keyValueHeads);
  const output = readLinear(loader, refs.output, width, heads * headWidth);
  const padded = pickCols(output.weight, headOrder(attention, heads));
  return {
    norm: refs.norm && loadNorm(loader, refs.norm, width),
    projection: toLinear(
      loader,
      refs.query.weight.name,
      isCross ? query : stackLinears([query, key, value]),
    ),
    memoryProjection: isCross
      ? toLinear(loader, refs.key.weight.name, stackLinears([key, value]))
      : undefined,
    output: toLinear(loader, refs.output.weight.name, { ...output, weight: padded }),
    headNorm: refs.queryNorm && refs.keyNorm
      ? loadHeadNorm(loader, attention, rotary, refs.queryNorm, refs.keyNorm)
      : undefined,
  };
}

/** Puts the outputs of layers behind each other; where only some have a bias, the rest get zeros. */
function stackLinears(parts: readonly HostLinear[]): HostLinear {
  const zeros = ({ rows }: HostMatrix) => ({ data: new Float32Array(rows), rows, cols: 1 });
  return {
    weight: stackRows(parts.map(({ weight }) => weight)),
    bias: parts.some(({ bias }) => bias)
      ? stackRows(parts.map(({ weight, bias }) => bias ?? zeros(weight)))
      : undefined,
  };
}

function loadHeadNorm(
  loader: Loader,
  attention: AttentionSpec,
  rotary: RotarySpec | undefined,
  query: TensorRef,
  key: TensorRef,
): Matrix {
  const { heads, keyValueHeads, headWidth } = attention;
  const order = headOrder(attention, 1, rotary);
  const gain = (ref: TensorRef) => pickCols(loader.reader.vector(ref, headWidth), order);
  const queryGain = gain(query), keyGain = gain(key);
  const rows = Array.from(
    { length: heads + keyValueHeads },
    (_, i) => i < heads ? queryGain : keyGain,
  );
  return keep(loader, stackRows(rows), query.name);
}

/** Texels of a head. */
export function headTexels({ headWidth }: AttentionSpec): number {
  return Math.ceil(headWidth / 4);
}

/**
 * Which stored row each row of a projection comes from, -1 for padding. Where queries and keys
 * turn, the two dimensions of a pair become neighbours, which leaves their products unchanged.
 */
function headOrder(attention: AttentionSpec, heads: number, rotary?: RotarySpec): number[] {
  const { headWidth } = attention;
  const pairs = rotary?.frequencies.length ?? 0;
  const width = 4 * headTexels(attention);
  return Array.from({ length: heads * width }, (_, at) => {
    const head = Math.floor(at / width) * headWidth;
    const i = at % width;
    if (i >= headWidth) return -1;
    return head + (i < 2 * pairs ? (i >> 1) + (i & 1) * pairs : i);
  });
}
