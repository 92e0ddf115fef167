import type { Gpu } from "../gpu/device.ts";
import { createMatrix, type Matrix, uploadMatrix } from "../gpu/matrix.ts";
import { uploadStorage } from "../gpu/memory.ts";
import { attention, type QueryBlocks } from "../ops/attention.ts";
import { attentionLanes, queriesPerBlock } from "../ops/attention_code.ts";
import {
  type AttentionVariant,
  attentionVariants,
  sentenceLength,
} from "../ops/attention_variants.ts";
import { randomNumbers } from "./numbers.ts";
import type { Problem, Variant } from "./problem.ts";
import { referenceAttention } from "./reference.ts";

/** Sentences of the same length, and the heads of a layer. */
export interface AttentionShape {
  readonly sentences: number;
  readonly tokens: number;
  readonly heads: number;
  readonly headWidth: number;
}

/** Queries, keys and values side by side, `[sentences * tokens, 3 * heads * headWidth]`. */
export function attentionNumbers(
  { sentences, tokens, heads, headWidth }: AttentionShape,
): Float32Array<ArrayBuffer> {
  return randomNumbers(sentences * tokens * 3 * heads * headWidth, 1);
}

/** What attention within the sentences of a packed batch reads and writes. */
export interface AttentionOperands {
  /** Queries, keys and values side by side, `[tokens, 3 * heads * headWidth]`. */
  readonly qkv: Matrix;
  /** `[tokens, heads * headWidth]`. */
  readonly out: Matrix;
  /** (first query, first row, end row, 0) of each sentence, for workgroups of `queries` a lane. */
  blocks(queries: number): QueryBlocks;
  readonly heads: number;
  /** Texels of a head. */
  readonly headTexels: number;
  readonly scale: number;
}

/** Attention by each variant for sentences of that length, the default first. */
export function attentionVariantsProblem(gpu: Gpu, shape: AttentionShape): Problem {
  const variants = [...attentionVariants(gpu, sentenceLength(shape.tokens))];
  return attentionOn(
    gpu,
    shape,
    (createOperands) =>
      variants.map(([name, variant]) => ownAttention(name, createOperands(), variant)),
  );
}

/** Attention within sentences by the variants that are created for it. */
export function attentionOn(
  gpu: Gpu,
  shape: AttentionShape,
  create: (createOperands: () => AttentionOperands, owned: DisposableStack) => Variant[],
): Problem {
  const { sentences, tokens, heads, headWidth } = shape;
  const rows = sentences * tokens;
  const width = heads * headWidth;
  const qkv = attentionNumbers(shape);
  using onFailure = new DisposableStack();
  // It goes on to own blocks that are made later.
  const owned = onFailure.use(new DisposableStack());
  const createOperands = (): AttentionOperands => ({
    qkv: input,
    out: owned.use(createMatrix(gpu, rows, width, "attended")),
    blocks: (queries) => queryBlocks(queries * gpu.lanes),
    heads,
    headTexels: headWidth / 4,
    scale: 1 / Math.sqrt(headWidth),
  });
  const input = owned.use(uploadMatrix(gpu, qkv, rows, 3 * width, "qkv"));
  const queryBlocks = blockCutter(gpu, shape, owned);
  const checked = checkedQueries(tokens);
  const variants = create(createOperands, owned);
  onFailure.move();
  return {
    kernel: "attention",
    shape: [sentences, tokens, heads, headWidth],
    work: { flops: 4 * sentences * tokens * tokens * width },
    bound: 1e-5,
    variants: variants.map((variant) => ({
      ...variant,
      pick: (output) => pickQueries(output, shape, checked),
    })),
    expected: () => {
      const size = tokens * 3 * width;
      const parts = Array.from({ length: sentences }, (_, i) =>
        referenceAttention(
          qkv.subarray(i * size, (i + 1) * size),
          tokens,
          heads,
          headWidth,
          checked,
        ));
      return Float64Array.from(parts.flatMap((part) => [...part]));
    },
    [Symbol.dispose]: () => owned.dispose(),
  };
}

/** What models run, by the variant that suits where none is given. */
export function ownAttention(
  name: string,
  operands: AttentionOperands,
  variant?: AttentionVariant,
): Variant {
  const { qkv: matrix, out, heads, headTexels, scale } = operands;
  const { gpu } = matrix;
  const blocks = operands.blocks(queriesPerBlock(attentionLanes(gpu)) / gpu.lanes);
  const at = (part: number) => ({ matrix, texel: part * heads * headTexels });
  const options = {
    heads,
    keyValueHeads: heads,
    headTexels,
    scale,
    causal: false,
    ...(variant && { variant }),
  };
  return {
    name,
    output: out,
    record: (recorder) => attention(recorder, at(0), at(1), at(2), out, blocks, options),
  };
}

/** Makes, and remembers, the blocks of sentences for workgroups of `step` queries. */
function blockCutter(
  gpu: Gpu,
  { sentences, tokens }: AttentionShape,
  owned: DisposableStack,
): (step: number) => QueryBlocks {
  const made = new Map<number, QueryBlocks>();
  return (step) => {
    const known = made.get(step);
    if (known) return known;
    const blocks: number[] = [];
    for (let begin = 0; begin < sentences * tokens; begin += tokens) {
      for (let query = 0; query < tokens; query += step) {
        blocks.push(begin + query, begin, begin + tokens, 0);
      }
    }
    const storage = owned.use(uploadStorage(gpu, new Uint32Array(blocks), "query blocks"));
    const result = { storage, count: blocks.length / 4, rows: sentences * tokens, longest: tokens };
    made.set(step, result);
    return result;
  };
}

/** All queries of a short sentence; of a long one some, the first and the last among them. */
function checkedQueries(tokens: number): number[] {
  const step = Math.max(1, Math.floor((tokens - 1) / 63));
  const queries = [];
  for (let query = tokens - 1; query >= 0; query -= step) queries.push(query);
  return [...new Set([0, ...queries])].sort((a, b) => a - b);
}

/** What of an output `[sentences * tokens, heads * headWidth]` is compared. */
export function pickChecked(shape: AttentionShape): (out: ArrayLike<number>) => Float32Array {
  const checked = checkedQueries(shape.tokens);
  return (out) => pickQueries(Float32Array.from(out), shape, checked);
}

function pickQueries(
  out: Float32Array,
  { sentences, tokens, heads, headWidth }: AttentionShape,
  checked: readonly number[],
): Float32Array {
  const width = heads * headWidth;
  const picked = new Float32Array(sentences * checked.length * width);
  for (let i = 0; i < sentences; i++) {
    checked.forEach((query, q) => {
      const from = (i * tokens + query) * width;
      picked.set(out.subarray(from, from + width), (i * checked.length + q) * width);
    });
  }
  return picked;
}
