import type { NormWeights } from "../ops/norm.ts";
import { SpindleError } from "../util.ts";
import type { Batch } from "./batch.ts";
import { type Linear, type Loader, loadLinear, loadNorm } from "./block_weights.ts";
import type { EmbeddingRefs } from "./spec.ts";

/**
 * The embedding of a model. Its tables stay on the host, where a lookup is a copy: they may be
 * larger than any GPU binding, and a batch needs only a few of their rows.
 */
export interface Embedding {
  readonly width: number;
  /** `[vocabulary, width]`. */
  readonly token: Float32Array;
  /** `[positions, width]`, the offset of the family already taken off. */
  readonly position: Float32Array | undefined;
  /** `[width]`: every token is of type 0. */
  readonly tokenType: Float32Array | undefined;
  readonly norm: NormWeights | undefined;
  readonly projection: Linear | undefined;
}

/** Loads the embedding. */
export function loadEmbedding(loader: Loader, refs: EmbeddingRefs): Embedding {
  const { reader, spec } = loader;
  const { width, positionOffset = 0, tokenTypes, norm } = spec.embedding;
  const positions = refs.position && spec.maxTokens + positionOffset;
  return {
    width,
    token: reader.matrix(refs.token, spec.vocabulary, width).data,
    position: refs.position && positions
      ? reader.matrix(refs.position, positions, width).data.subarray(positionOffset * width)
      : undefined,
    tokenType: refs.tokenType && tokenTypes ? firstRow(loader, refs, width) : undefined,
    norm: refs.norm && norm ? loadNorm(loader, refs.norm, width) : undefined,
    projection: refs.projection && loadLinear(loader, refs.projection, spec.width, width),
  };
}

function firstRow({ reader }: Loader, refs: EmbeddingRefs, width: number): Float32Array {
  return reader.rows(refs.tokenType!, width).subarray(0, width);
}

/**
 * Sums the embeddings of a batch as texels `[ceil(width / 4), tokens, 4]`, see `packTexels`.
 *
 * @throws {SpindleError} If a token id is outside the vocabulary.
 */
export function embed({ width, token, position, tokenType }: Embedding, batch: Batch) {
  const { tokens, ids, positions } = batch;
  const packed = new Float32Array(Math.ceil(width / 4) * tokens * 4);
  const vocabulary = token.length / width;
  const row = new Float32Array(width);
  for (let t = 0; t < tokens; t++) {
    const id = ids[t]!;
    if (!(id >= 0 && id < vocabulary)) {
      throw new SpindleError(
        `Cannot embed the token id ${id}: the model's vocabulary has ${vocabulary} ids from 0`,
      );
    }
    row.set(token.subarray(id * width, (id + 1) * width));
    if (position) {
      const at = positions[t]! * width;
      for (let c = 0; c < width; c++) row[c]! += position[at + c]!;
    }
    if (tokenType) {
      for (let c = 0; c < width; c++) row[c]! += tokenType[c]!;
    }
    for (let c = 0; c < width; c++) packed[((c >> 2) * tokens + t) * 4 + (c & 3)] = row[c]!;
  }
  return packed;
}
