import { type Pool, pools } from "../ops/pool.ts";
import { megabytes, nextTurn, requireList, requireOneOf, roundUp, SpindleError } from "../util.ts";
import { type BatchLimits, cutBatches, packBatch } from "./batch.ts";
import {
  type CapturedBatch,
  type CapturedModel,
  CaptureRecorder,
  collect,
  type RecordedBatch,
} from "./capture_recorder.ts";
import type { StateId } from "./states.ts";

/**
 * Pools in the order in which results hold them.
 *
 * @throws {SpindleError} If there is no such pool.
 */
export function orderPools(wanted: readonly Pool[]): Pool[] {
  requireList("the pools", wanted);
  for (const name of wanted) requireOneOf("the pool", name, pools);
  return pools.filter((name) => wanted.includes(name));
}

/**
 * Runs the model over sentences and yields the wanted states, batch by batch, in order. Their
 * numbers are those of the GPU's results themselves, and gone when the next batch is asked for.
 *
 * While one batch runs on the GPU, the host reads the one before and prepares the next.
 *
 * @param wanted Pools in the order of {@linkcode orderPools}; none for every token's state.
 * @param signal Aborted, it ends the work with its reason as the error, before the next batch is
 * begun or given.
 * @throws {SpindleError} If a sentence has no tokens or more than the model has positions.
 */
export async function* captureBatches(
  model: CapturedModel,
  sentences: readonly (readonly number[])[],
  states: readonly StateId[],
  wanted: readonly Pool[],
  signal?: AbortSignal,
): AsyncGenerator<CapturedBatch> {
  const lengths = sentences.map((ids) => ids.length);
  requireLengths(model, lengths);
  using recorder = new CaptureRecorder(model, states, wanted);
  let running: RecordedBatch | undefined;
  let next: RecordedBatch | undefined;
  const read = async (recorded: RecordedBatch) => {
    const batch = await collect(recorded, states, wanted);
    signal?.throwIfAborted();
    return batch;
  };
  try {
    for (const cut of cutBatches(lengths, batchLimits(model, states, wanted))) {
      if (running) await nextTurn();
      model.check();
      signal?.throwIfAborted();
      using batch = packBatch(model.gpu, sentences, cut);
      next = recorder.record(batch, running === undefined);
      recorder.submit();
      if (running) yield await read(running);
      running?.readback[Symbol.dispose]();
      running = next;
    }
    if (running) yield await read(running);
  } finally {
    running?.readback[Symbol.dispose]();
    next?.readback[Symbol.dispose]();
  }
}

/**
 * Makes room for a captured state, and writes to it.
 *
 * @throws {SpindleError} If the host has no memory for it.
 */
export function reserve(rows: number, width: number): Float32Array {
  try {
    return new Float32Array(rows * width).fill(0);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new SpindleError(
      `Cannot hold ${megabytes(4 * rows * width)} of a captured state: pool it, or capture fewer ` +
        "sentences",
      { cause: error },
    );
  }
}

/** Captured states of a batch take no more bytes, three times over while they are on their way. */
export const mostCaptured = 64 * 2 ** 20;

/** Bytes of the captured states of a token, or of one pool of a sentence. */
export function capturedBytes(states: readonly StateId[]): number {
  return states.reduce((sum, { width }) => sum + 4 * roundUp(width, 4), 0);
}

function batchLimits(
  { gpu, tokensPerBatch }: CapturedModel,
  states: readonly StateId[],
  wanted: readonly Pool[],
): BatchLimits {
  const bytes = Math.min(mostCaptured, gpu.device.limits.maxBufferSize);
  const rows = Math.max(1, Math.floor(bytes / capturedBytes(states)));
  if (wanted.length === 0) return { tokens: Math.min(tokensPerBatch, rows), sentences: Infinity };
  return { tokens: tokensPerBatch, sentences: Math.max(1, Math.floor(rows / wanted.length)) };
}

function requireLengths(model: CapturedModel, lengths: readonly number[]): void {
  const limit = model.maxTokens;
  lengths.forEach((length, i) => {
    if (length > 0 && length <= limit) return;
    throw new SpindleError(
      `Cannot run sentence ${i + 1} as it has ${length} tokens: the model takes 1 to ${limit}`,
    );
  });
}
