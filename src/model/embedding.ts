import type { NormWeights } from "../ops/norm.ts";
import { SpindleError } from "../util.ts";
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
    tokenType: tokenType && reader.table(tokenType, width).row(0),
    norm: norm && loadNorm(loader, norm, width),
    projection: projection && loadLinear(loader, projection, spec.width, width),
  };
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
  const add = (row: Float32Array, t: number) => {
    for (let c = 0; c < width; c++) packed[((c >> 2) * tokens + t) * 4 + (c & 3)]! += row[c]!;
  };
  let unplaced = 0;
  for (let t = 0; t < tokens; t++) {
    const at = positions[t]!;
    const id = startId === undefined ? ids[t]! : at === 0 ? startId : ids[t - 1]!;
    if (!(id >= 0 && id < token.rows)) {
      throw new SpindleError(
        `Cannot embed the token id ${id}: the model's vocabulary has ${token.rows} ids from 0`,
      );
    }
    add(token.row(id), t);
    if (position) {
      if (at === 0) unplaced = 0;
      const isUnplaced = id === position.unplacedId;
      if (isUnplaced) unplaced++;
      add(position.table.row(position.offset + (isUnplaced ? -1 : at - unplaced)), t);
    }
    if (tokenType) add(tokenType, t);
  }
  return packed;
}
