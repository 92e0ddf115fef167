import type { NormWeights } from "../ops/norm.ts";
import { roundUp, SpindleError } from "../util.ts";
import type { Batch } from "./batch.ts";
import { type Linear, type Loader, loadLinear, loadNorm } from "./block_weights.ts";
import type { EmbeddingRefs } from "./spec.ts";
import type { HostTable } from "./weights.ts";

/**
 * The embedding of a model. Its tables stay on the host, where a lookup is a copy: they may be
 * larger than any GPU binding, and a batch needs only a few of their rows.
 */
export interface Embedding {
  readonly width: number;
  /** `[vocabulary, width]`. */
  readonly token: HostTable;
  /** `[positions, width]`, see {@linkcode EmbeddingSpec} for the rest. */
  readonly position: PositionTable | undefined;
  /** `[width]`: every token is of type 0. */
  readonly tokenType: Float32Array | undefined;
  readonly norm: NormWeights | undefined;
  readonly projection: Linear | undefined;
}

interface PositionTable {
  readonly table: HostTable;
  readonly offset: number;
  readonly unplacedId: number | undefined;
}

/** Loads the embedding. */
export function loadEmbedding(loader: Loader, refs: EmbeddingRefs): Embedding {
  const { reader, spec } = loader;
  const { width, positionOffset: offset = 0, unplacedId } = spec.embedding;
  const { token, position, tokenType, norm, projection } = refs;
  return {
    width,
    token: reader.table(token, width, spec.vocabulary),
    position: position && {
      table: reader.table(position, width, spec.maxTokens + offset),
      offset,
      unplacedId,
    },
    tokenType: tokenType && firstRow(reader.table(tokenType, width)),
    norm: norm && loadNorm(loader, norm, width),
    projection: projection && loadLinear(loader, projection, spec.width, width),
  };
}

function firstRow(table: HostTable): Float32Array {
  const row = new Float32Array(table.width);
  table.read(0, row);
  return row;
}

/**
 * Sums the embeddings of a batch as texels `[ceil(width / 4), tokens, 4]`, see `packTexels`.
 *
 * @param startId Where given, the ids are moved right by one in each sentence, this one first.
 * @throws {SpindleError} If a token id is outside the vocabulary.
 */
export function embed(embedding: Embedding, batch: Batch, startId?: number): Float32Array {
  const { width, token, position, tokenType } = embedding;
  const { tokens, ids, positions } = batch;
  const packed = new Float32Array(Math.ceil(width / 4) * tokens * 4);
  const sum = new Float32Array(roundUp(width, 4));
  const tokenRow = sum.subarray(0, width);
  const positionRow = new Float32Array(width);
  let unplaced = 0;
  for (let t = 0; t < tokens; t++) {
    const at = positions[t]!;
    const id = startId === undefined ? ids[t]! : at === 0 ? startId : ids[t - 1]!;
    if (!(id >= 0 && id < token.rows)) {
      throw new SpindleError(
        `Cannot embed the token id ${id}: the model's vocabulary has ${token.rows} ids from 0`,
      );
    }
    token.read(id, tokenRow);
    if (position) {
      if (at === 0) unplaced = 0;
      const isUnplaced = id === position.unplacedId;
      if (isUnplaced) unplaced++;
      position.table.read(position.offset + (isUnplaced ? -1 : at - unplaced), positionRow);
      add(sum, positionRow);
    }
    if (tokenType) add(sum, tokenType);
    scatter(sum, packed, t, tokens);
  }
  return packed;
}

// Functions of their own, since what is called for each token soon runs as machine code.

function add(sum: Float32Array, row: Float32Array): void {
  for (let c = 0; c < row.length; c++) sum[c]! += row[c]!;
}

/** Writes the texels of token `t`, which lie far from each other. */
function scatter(sum: Float32Array, packed: Float32Array, t: number, tokens: number): void {
  for (let c = 0, to = 4 * t; c < sum.length; c += 4, to += 4 * tokens) {
    packed[to] = sum[c]!;
    packed[to + 1] = sum[c + 1]!;
    packed[to + 2] = sum[c + 2]!;
    packed[to + 3] = sum[c + 3]!;
  }
}
