import { type StorageBuffer, uploadStorage } from "../gpu/memory.ts";
import type { Loader } from "./block_weights.ts";
import type { AttentionSpec, TensorRef } from "./spec.ts";

/** What is added to the scores of a stack's attention layers. */
export interface RelativeBias {
  /** float32 `[heads, 2 * reach + 1]` by key minus query position. */
  readonly storage: StorageBuffer;
  /** The distance beyond which the bias no longer changes. */
  readonly reach: number;
}

/** Loads the table of biases by bucket and spreads it out by distance. */
export function loadRelativeBias(
  { reader, gpu, owned }: Loader,
  { relativeBias, heads, causal }: AttentionSpec,
  ref: TensorRef,
): RelativeBias {
  const { buckets, maxDistance: reach } = relativeBias!;
  const table = reader.table(ref, heads, buckets);
  const columns = 2 * reach + 1;
  const data = new Float32Array(heads * columns);
  const row = new Float32Array(heads);
  for (let at = 0; at < columns; at++) {
    table.read(bucketOf(at - reach, buckets, reach, !causal), row);
    for (let head = 0; head < heads; head++) data[head * columns + at] = row[head]!;
  }
  return { storage: owned.use(uploadStorage(gpu, data, ref.name)), reach };
}

/**
 * The bucket of a distance (Raffel et al. 2020): half of them hold one distance each, the others
 * ever more. Where attention goes both ways, each direction has half of the buckets.
 */
export function bucketOf(
  distance: number,
  buckets: number,
  maxDistance: number,
  isBidirectional: boolean,
): number {
  const count = isBidirectional ? buckets >> 1 : buckets;
  const first = isBidirectional && distance > 0 ? count : 0;
  const away = isBidirectional ? Math.abs(distance) : Math.max(0, -distance);
  const exact = count >> 1;
  if (away < exact) return first + away;
  // In float32 as the reference library has it: a bucket's edge may hang on the last bit.
  const share = Math.fround(Math.fround(Math.log(away / exact)) / Math.log(maxDistance / exact));
  const bucket = exact + Math.trunc(Math.fround(share * (count - exact)));
  return first + Math.min(count - 1, bucket);
}
