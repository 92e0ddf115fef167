import type { Gpu } from "../gpu/device.ts";
import type { Matrix } from "../gpu/matrix.ts";
import type { StorageBuffer } from "../gpu/memory.ts";
import { mostOperations, type Recorder } from "../gpu/recorder.ts";
import { roundUp } from "../util.ts";
import { attentionCode, attentionLanes, type AttentionOptions } from "./attention_code.ts";
import { chooseVariant, keysOfGroup } from "./attention_variants.ts";
import { cachedCode } from "./code_cache.ts";

/** Heads that lie side by side in the rows of a matrix, each padded to whole texels. */
interface Heads {
  readonly matrix: Matrix;
  /** The texel at which the first head begins. */
  readonly texel: number;
}

/** Queries of one workgroup, by rows of the packed batch: where they begin, and their sentence. */
export interface QueryBlocks {
  /** (first query, first row of the sentence, end row of the sentence, 0), uint32. */
  readonly storage: StorageBuffer;
  readonly count: number;
  /** Rows of the batch. */
  readonly rows: number;
  /** Tokens of the longest sentence. */
  readonly longest: number;
}

/**
 * The longest sentence that attention may be given: Mesa's software driver silently ends the loops
 * of an invocation after 65,535 rounds together, and the kernel takes one for each group of keys
 * and one for each texel of a head in it.
 */
export function longestAttended(headTexels: number): number {
  return keysOfGroup * Math.floor(65_535 / (1 + headTexels));
}

/**
 * Records scaled dot-product attention within each sentence of a packed batch, one kernel with an
 * online softmax (Milakov and Gimelshein 2018; Dao et al. 2022): memory is linear in the length.
 *
 * @param out `[tokens, 4 * heads * headTexels]`.
 */
export function attention(
  recorder: Recorder,
  query: Heads,
  key: Heads,
  value: Heads,
  out: Matrix,
  blocks: QueryBlocks,
  options: AttentionOptions,
): void {
  const { gpu } = recorder;
  const { heads, keyValueHeads, headTexels, causal, window, bias, scale } = options;
  const variant = options.variant ?? chooseVariant(gpu, blocks.longest);
  const lanes = attentionLanes(gpu);
  const keys = Math.min(blocks.longest, window ? (causal ? 1 : 2) * window : Infinity);
  const operations = 4 * blocks.rows * keys * out.cols;
  const step = blocksAtOnce(gpu, blocks.count, operations);
  for (let first = 0; first < blocks.count; first += step) {
    const count = Math.min(step, blocks.count - first);
    const part = { offset: first * blockBytes, size: count * blockBytes };
    recorder.dispatch({
      label: "attention",
      code: cachedCode(
        ["attention", lanes, variant, headTexels, causal, !!window, !!bias],
        () => attentionCode(lanes, variant, options),
      ),
      reads: { query: query.matrix, key: key.matrix, value: value.matrix },
      writes: { out },
      ...(count === blocks.count && { writtenRows: blocks.rows }),
      buffers: {
        blocks: { storage: blocks.storage, type: "array<vec4u>", access: "read", ...part },
        ...(bias &&
          { bias: { storage: bias.storage, type: "array<f32>", access: "read" } as const }),
      },
      uints: {
        query_texel: query.texel,
        key_texel: key.texel,
        value_texel: value.texel,
        sharing: heads / keyValueHeads,
        window: window ?? 0,
        reach: bias?.reach ?? 0,
      },
      floats: { scale },
      workgroups: [count, heads],
      operations: operations * count / blocks.count,
    });
  }
}

const blockBytes = 16;

/** Blocks of a dispatch: a long sentence can be more work than one submission may be. */
function blocksAtOnce({ adapter }: Gpu, count: number, operations: number): number {
  const pieces = adapter.software ? 1 : Math.max(1, Math.ceil(operations / mostOperations));
  // The parts of a buffer that are bound begin at multiples of 256 bytes.
  return roundUp(Math.ceil(count / pieces), 256 / blockBytes);
}
