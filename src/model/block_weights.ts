import type { Gpu } from "../gpu/device.ts";
import type { Matrix } from "../gpu/matrix.ts";
import type { Precision } from "../gpu/precision.ts";
import type { NormWeights } from "../ops/norm.ts";
import { type HostMatrix, pickCols, pickRows, toGpu } from "./host_matrix.ts";
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
interface AttentionWeights {
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
  /** Where uploads are put together, of `bandBytes` bytes. */
  readonly scratch: ArrayBuffer;
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
  const bias = ref.bias ? reader.vector(ref.bias, width) : zeros(width);
  const norm = {
    gain: keep(loader, [reader.vector(ref.weight, width)], ref.weight.name),
    bias: keep(loader, [bias], ref.weight.name),
  };
  reader.release();
  return norm;
}

/** Loads a linear layer. */
export function loadLinear(loader: Loader, ref: LayerRef, outputs: number, inputs: number): Linear {
  const linear = toLinear(loader, [readLinear(loader, ref, outputs, inputs)]);
  loader.reader.release();
  return linear;
}

interface HostLinear {
  name: string;
  /** `[outputs, inputs]`. */
  weight: HostMatrix;
  /** `[1, outputs]`. */
  bias: HostMatrix | undefined;
}

function readLinear(
  { reader }: Loader,
  { weight, bias }: LayerRef,
  outputs: number,
  inputs: number,
): HostLinear {
  return {
    name: weight.name,
    weight: reader.matrix(weight, outputs, inputs),
    bias: bias && reader.vector(bias, outputs),
  };
}

/**
 * Makes one layer of layers with the same inputs; where only some have a bias, the rest get zeros.
 */
function toLinear(loader: Loader, parts: readonly HostLinear[]): Linear {
  const label = parts[0]!.name;
  const biases = parts.map(({ weight, bias }) => bias ?? zeros(weight.rowStarts.length));
  const isBiased = parts.some(({ bias }) => bias);
  return {
    weight: keep(loader, parts.map(({ weight }) => weight), label, loader.precision),
    bias: isBiased ? keep(loader, [sideBySide(biases)], label) : undefined,
  };
}

function zeros(width: number): HostMatrix {
  const colOffsets = new Int32Array(width).fill(-1);
  return { data: new Float32Array(0), rowStarts: new Int32Array(1), colOffsets };
}

/** Puts vectors `[1, width]` into one. */
function sideBySide(vectors: readonly HostMatrix[]): HostMatrix {
  const data = Float32Array.from(
    vectors.flatMap(({ data, colOffsets }) =>
      Array.from(colOffsets, (offset) => offset < 0 ? 0 : data[offset]!)
    ),
  );
  return { data, rowStarts: new Int32Array(1), colOffsets: Int32Array.from(data.keys()) };
}

function keep(
  { gpu, owned, scratch }: Loader,
  parts: readonly HostMatrix[],
  label: string,
  precision: Precision = "f32",
): Matrix {
  return owned.use(toGpu(gpu, parts, label, precision, scratch));
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
    const { name, weight, bias } = readLinear(loader, ref, count * headWidth, width);
    const order = headOrder(attention, count, turned);
    return { name, weight: pickRows(weight, order), bias: bias && pickCols(bias, order) };
  };
  const query = read(refs.query, heads, rotary);
  const key = read(refs.key, keyValueHeads, rotary);
  const value = read(refs.value, keyValueHeads);
  const projection = toLinear(loader, isCross ? [query] : [query, key, value]);
  const memoryProjection = isCross ? toLinear(loader, [key, value]) : undefined;
  loader.reader.release();
  const output = readLinear(loader, refs.output, width, heads * headWidth);
  const padded = pickCols(output.weight, headOrder(attention, heads));
  const back = toLinear(loader, [{ ...output, weight: padded }]);
  loader.reader.release();
  return {
    norm: refs.norm && loadNorm(loader, refs.norm, width),
    projection,
    memoryProjection,
    output: back,
    headNorm: refs.queryNorm && refs.keyNorm
      ? loadHeadNorm(loader, attention, rotary, refs.queryNorm, refs.keyNorm)
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
  const norms = keep(loader, rows, query.name);
  loader.reader.release();
  return norms;
}

/** Texels of a head. */
export function headTexels({ headWidth }: AttentionSpec): number {
  return Math.ceil(headWidth / 4);
}

/** Columns of queries, keys and values side by side. */
export function projectedColumns(attention: AttentionSpec): number {
  return 4 * headTexels(attention) * (attention.heads + 2 * attention.keyValueHeads);
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
