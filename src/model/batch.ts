import type { Gpu } from "../gpu/device.ts";
import { type StorageBuffer, uploadStorage } from "../gpu/memory.ts";
import type { QueryBlocks } from "../ops/attention.ts";
import { attentionLanes, queriesPerBlock } from "../ops/attention_code.ts";
import { SpindleError } from "../util.ts";

/** Sentences packed one after another, without padding. */
export interface Batch extends Disposable {
  /** How many sentences there are. */
  readonly count: number;
  readonly tokens: number;
  /** Tokens of the longest sentence. */
  readonly longest: number;
  /** Token ids `[tokens]`, and the position of each token in its sentence. */
  readonly ids: Int32Array;
  readonly positions: Int32Array;
  /** Pairs (first row, end row), uint32. */
  readonly sentences: StorageBuffer;
  /** The position of each token, uint32. */
  readonly rowPositions: StorageBuffer;
  readonly queryBlocks: QueryBlocks;
}

/** What a batch may have at most, unless one sentence alone has more. */
export interface BatchLimits {
  readonly tokens: number;
  readonly sentences: number;
}

/** Cuts sentences, in their order, into runs within the limits and of at least one sentence. */
export function cutBatches(
  lengths: readonly number[],
  most: BatchLimits,
): { first: number; count: number }[] {
  const cuts: { first: number; count: number }[] = [];
  let tokens = Infinity;
  lengths.forEach((length, first) => {
    if (tokens + length > most.tokens || cuts.at(-1)!.count === most.sentences) {
      cuts.push({ first, count: 0 });
      tokens = 0;
    }
    cuts.at(-1)!.count++;
    tokens += length;
  });
  return cuts;
}

/**
 * Packs sentences `first` to `first + count` and uploads where they lie.
 *
 * @throws {SpindleError} If a token id is not a whole number.
 */
export function packBatch(
  gpu: Gpu,
  sentences: readonly (readonly number[])[],
  { first, count }: { first: number; count: number },
): Batch {
  const chosen = sentences.slice(first, first + count);
  const step = queriesPerBlock(attentionLanes(gpu));
  const { ids, positions, spans, blocks } = layOut(chosen, step);
  const tokens = ids.length;
  const longest = Math.max(...chosen.map((sentence) => sentence.length));
  using onFailure = new DisposableStack();
  const upload = (data: ArrayBufferView<ArrayBuffer>, label: string) =>
    onFailure.use(uploadStorage(gpu, data, label));
  const stored = {
    sentences: upload(spans, "sentences"),
    rowPositions: upload(positions, "positions"),
    queryBlocks: {
      storage: upload(new Uint32Array(blocks), "query blocks"),
      count: blocks.length / 4,
      rows: tokens,
      longest,
    },
  };
  const owned = onFailure.move();
  return {
    count,
    tokens,
    longest,
    ids,
    positions,
    ...stored,
    [Symbol.dispose]: () => owned.dispose(),
  };
}

/**
 * Lays sentences one after another.
 *
 * @param step Queries of a workgroup of attention.
 */
function layOut(sentences: readonly (readonly number[])[], step: number) {
  const tokens = sentences.reduce((sum, { length }) => sum + length, 0);
  const ids = new Int32Array(tokens);
  const positions = new Int32Array(tokens);
  const spans = new Uint32Array(2 * sentences.length);
  const blocks: number[] = [];
  let row = 0;
  sentences.forEach((sentence, i) => {
    const begin = row;
    const end = begin + sentence.length;
    spans.set([begin, end], 2 * i);
    for (let query = begin; query < end; query += step) blocks.push(query, begin, end, 0);
    for (const id of sentence) {
      ids[row] = id;
      if (ids[row] !== id) {
        throw new SpindleError(`Cannot run the token id ${id}: ids are whole numbers from 0`);
      }
      positions[row] = row - begin;
      row++;
    }
  });
  return { ids, positions, spans, blocks };
}
