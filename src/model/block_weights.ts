import type { Gpu } from "../gpu/device.ts";
import type { Matrix, Precision } from "../gpu/matrix.ts";
import type { NormWeights } from "../ops/norm.ts";
import type { AttentionRefs, AttentionSpec, BlockRefs, LayerRef, ModelSpec } from "./spec.ts";
import {
  type HostMatrix,
  pickCols,
  pickRows,
  stackRows,
  toGpu,
  type WeightReader,
} from "./weights.ts";

/** A linear layer on the GPU. */
export interface Linear {
  /** `[outputs, inputs]`. */
  readonly weight: Matrix;
  /** `[1, outputs]`. */
  readonly bias: Matrix | undefined;
}

/** Self-attention on the GPU: queries, keys and values come from one projection. */
export interface AttentionWeights {
  readonly norm: NormWeights | undefined;
  readonly projection: Linear;
  readonly output: Linear;
}

/** One block on the GPU. */
export interface BlockWeights {
  readonly attention: AttentionWeights;
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
export function loadBlock(loader: Loader, attention: AttentionSpec, refs: BlockRefs): BlockWeights {
  const { spec } = loader;
  const { ffn } = refs;
  return {
    attention: loadAttention(loader, attention, refs.attention),
    ffn: {
      norm: ffn.norm && loadNorm(loader, ffn.norm, spec.width),
      gate: loadLinear(loader, ffn.gate, spec.ffnWidth, spec.width),
      up: ffn.up && loadLinear(loader, ffn.up, spec.ffnWidth, spec.width),
      down: loadLinear(loader, ffn.down, spec.width, spec.ffnWidth),
    },
  };
}

/** Loads a norm; a missing bias is zero. */
export function loadNorm(loader: Loader, ref: LayerRef, width: number): NormWeights {
  const { reader } = loader;
  const gain = reader.vector(ref.weight, width);
  const zeros = { data: new Float32Array(width), rows: 1, cols: width };
  return {
    gain: keep(loader, gain, ref.weight.name),
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

function keep({ gpu, owned }: Loader, host: HostMatrix, label: string, precision?: Precision) {
  return owned.use(toGpu(gpu, host, label, precision));
}

/**
 * Loads an attention layer. The three projections become one, and every head is padded to whole
 * texels: with zero rows in the projections, and with zero columns in the output layer.
 */
function loadAttention(
  loader: Loader,
  attention: AttentionSpec,
  refs: AttentionRefs,
): AttentionWeights {
  const { spec } = loader;
  const { heads, keyValueHeads, headWidth } = attention;
  const read = (ref: LayerRef, count: number, order: number[]): HostLinear => {
    const { weight, bias } = readLinear(loader, ref, count * headWidth, spec.width);
    return { weight: pickRows(weight, order), bias: bias && pickRows(bias, order) };
  };
  const parts = [
    read(refs.query, heads, headOrder(attention, heads, true)),
    read(refs.key, keyValueHeads, headOrder(attention, keyValueHeads, true)),
    read(refs.value, keyValueHeads, headOrder(attention, keyValueHeads, false)),
  ];
  const biased = parts.some(({ bias }) => bias);
  const output = readLinear(loader, refs.output, spec.width, heads * headWidth);
  const padded = pickCols(output.weight, headOrder(attention, heads, false));
  return {
    norm: refs.norm && loadNorm(loader, refs.norm, spec.width),
    projection: toLinear(loader, refs.query.weight.name, {
      weight: stackRows(parts.map(({ weight }) => weight)),
      bias: biased
        ? stackRows(parts.map(({ weight, bias }) => bias ?? zeroColumn(weight)))
        : undefined,
    }),
    output: toLinear(loader, refs.output.weight.name, { ...output, weight: padded }),
  };
}

function zeroColumn({ rows }: HostMatrix): HostMatrix {
  return { data: new Float32Array(rows), rows, cols: 1 };
}

/** Texels of a head. */
export function headTexels({ headWidth }: AttentionSpec): number {
  return Math.ceil(headWidth / 4);
}

/**
 * Which stored row each row of a projection comes from, -1 for padding. Where queries and keys
 * turn, the two dimensions of a pair become neighbours, which leaves their products unchanged.
 */
function headOrder(attention: AttentionSpec, heads: number, turned: boolean): number[] {
  const { headWidth, rotary } = attention;
  const dimensions = turned ? rotary?.dimensions ?? 0 : 0;
  const width = 4 * headTexels(attention);
  return Array.from({ length: heads * width }, (_, at) => {
    const head = Math.floor(at / width) * headWidth;
    const i = at % width;
    if (i >= headWidth) return -1;
    return head + (i < dimensions ? (i >> 1) + (i & 1) * (dimensions / 2) : i);
  });
}
