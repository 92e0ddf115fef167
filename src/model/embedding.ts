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
  readonly paddingId: number | undefined;
}

/** Loads the embedding. */
export function loadEmbedding(loader: Loader, refs: EmbeddingRefs): Embedding {
  const { reader, spec } = loader;
  const { width, positionOffset: offset = 0, paddingId } = spec.embedding;
  const { token, position, tokenType, norm, projection } = refs;
  return {
    width,
    token: reader.table(token, width, spec.vocabulary),
    position: position && {
      table: reader.table(position, width, spec.maxTokens + offset),
      offset,
      paddingId,
    },
    tokenType: tokenType && readRow(reader.table(tokenType, width), 0),
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
  const padded = roundUp(width, 4);
  const row = new Float32Array(padded);
  const tokenRow = row.subarray(0, width);
  const typed = new Float64Array(padded);
  if (tokenType) typed.set(tokenType);
  const placed = new Map<number, Float64Array>();
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
    let rest: Float64Array = typed;
    if (position) {
      if (at === 0) unplaced = 0;
      const isUnplaced = id === position.paddingId;
      if (isUnplaced) unplaced++;
      const index = position.offset + (isUnplaced ? -1 : at - unplaced);
      rest = placed.get(index) ?? addRow(typed, readRow(position.table, index));
      placed.set(index, rest);
    }
    scatterSum(row, rest, packed, t, tokens);
  }
  return packed;
}

function readRow(table: HostTable, index: number): Float32Array {
  const row = new Float32Array(table.width);
  table.read(index, row);
  return row;
}

/** In float64, so that the sum with a token's row is rounded once. */
function addRow(typed: Float64Array, row: Float32Array): Float64Array {
  return typed.map((value, i) => value + (row[i] ?? 0));
}

/**
 * Writes the texels of token `t`, which lie far from each other. A function of its own, since what
 * is called for each token soon runs as machine code.
 */
function scatterSum(
  row: Float32Array,
  rest: Float64Array,
  packed: Float32Array,
  t: number,
  tokens: number,
): void {
  for (let c = 0, to = 4 * t; c < row.length; c += 4, to += 4 * tokens) {
    packed[to] = row[c]! + rest[c]!;
    packed[to + 1] = row[c + 1]! + rest[c + 1]!;
    packed[to + 2] = row[c + 2]! + rest[c + 2]!;
    packed[to + 3] = row[c + 3]! + rest[c + 3]!;
  }
}
