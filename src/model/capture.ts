import type { Gpu } from "../gpu/device.ts";
import { createStorage, type StorageBuffer } from "../gpu/memory.ts";
import { Readback } from "../gpu/readback.ts";
import { Recorder } from "../gpu/recorder.ts";
import { type Pool, pool, pools as allPools, unpack } from "../ops/pool.ts";
import { megabytes, requireOneOf, roundUp, SpindleError } from "../util.ts";
import { type Batch, type BatchLimits, cutBatches, packBatch } from "./batch.ts";
import { forward } from "./forward.ts";
import type { Transformer } from "./pass.ts";
import { blocksToRun, type StateId } from "./states.ts";
import type { Workspace } from "./workspace.ts";

/** A model as capturing sees it. */
interface CapturedModel extends Transformer {
  readonly gpu: Gpu;
  readonly workspace: Workspace;
  /** The most tokens that run at once, unless one sentence alone has more. */
  readonly tokensPerBatch: number;
  /** The most tokens of a sentence. */
  readonly maxTokens: number;
  /** Throws if it can no longer run. */
  check(): void;
}

/** The wanted states of consecutive sentences. */
interface CapturedBatch {
  /** The index of the first sentence, and how many there are. */
  readonly first: number;
  readonly count: number;
  readonly tokens: number;
  /** A state's numbers in the order in which the states were asked for. */
  readonly states: readonly CapturedState[];
}

/** The numbers of one state. */
interface CapturedState {
  readonly id: StateId;
  /** For each wanted pool `[count, width]`; without pools one entry, `[tokens, width]`. */
  readonly values: readonly Float32Array[];
}

/**
 * Pools in the order in which results hold them.
 *
 * @throws {SpindleError} If there is no such pool.
 */
export function orderPools(wanted: readonly Pool[]): Pool[] {
  for (const name of wanted) requireOneOf("the pool", name, allPools);
  return allPools.filter((name) => wanted.includes(name));
}

/**
 * Runs the model over sentences and yields the wanted states, batch by batch, in order. Their
 * numbers are those of the GPU's results themselves, and gone when the next batch is asked for.
 *
 * While one batch runs on the GPU, the host reads the one before and prepares the next.
 *
 * @param wanted Pools in the order of {@linkcode orderPools}; none for every token's state.
 * @throws {SpindleError} If a sentence has no tokens or more than the model has positions.
 */
export async function* captureBatches(
  model: CapturedModel,
  sentences: readonly (readonly number[])[],
  states: readonly StateId[],
  wanted: readonly Pool[],
): AsyncGenerator<CapturedBatch> {
  const lengths = sentences.map((ids) => ids.length);
  checkLengths(model, lengths);
  using recorder = new CaptureRecorder(model, states, wanted);
  let running: Pending | undefined;
  let next: Pending | undefined;
  try {
    for (const cut of cutBatches(lengths, batchLimits(model, states, wanted))) {
      model.check();
      using batch = packBatch(model.gpu, sentences, cut);
      next = recorder.record(batch, running === undefined);
      recorder.submit();
      if (running) yield await collect(running, states, wanted);
      running?.readback[Symbol.dispose]();
      running = next;
    }
    if (running) yield await collect(running, states, wanted);
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

function checkLengths(model: CapturedModel, lengths: readonly number[]): void {
  const limit = model.maxTokens;
  lengths.forEach((length, i) => {
    if (length > 0 && length <= limit) return;
    throw new SpindleError(
      `Cannot run sentence ${i + 1} as it has ${length} tokens: the model takes 1 to ${limit}`,
    );
  });
}

/** A recorded batch whose results were not read yet. */
interface Pending {
  readonly first: number;
  readonly count: number;
  readonly tokens: number;
  readonly spans: readonly { readonly offset: number; readonly bytes: number }[];
  readonly readback: Readback;
}

/** Records batches, each with the reads of its wanted states. */
class CaptureRecorder implements Disposable {
  readonly #recorder: Recorder;
  readonly #blocks: readonly (number | undefined)[];
  #out: StorageBuffer | undefined;

  constructor(
    readonly model: CapturedModel,
    readonly states: readonly StateId[],
    readonly wanted: readonly Pool[],
  ) {
    this.#recorder = new Recorder(model.gpu);
    this.#blocks = blocksToRun(model.spec, states);
    this.#blocks.forEach((count = 0, stack) => {
      const loaded = model.stacks[stack]!.blocks.length;
      if (count <= loaded) return;
      throw new SpindleError(
        `Cannot capture a state that needs ${count} blocks as ${loaded} were loaded: ` +
          "name it when the model is loaded",
      );
    });
  }

  /**
   * @param isFirst Whether the GPU has nothing to do yet: it then starts before all is recorded.
   */
  record(batch: Batch, isFirst: boolean): Pending {
    const { model, states, wanted } = this;
    const rows = wanted.length ? batch.count * wanted.length : batch.tokens;
    let bytes = 0;
    const spans = states.map(({ width }) => {
      const span = { offset: bytes, bytes: rows * roundUp(width, 4) * 4 };
      bytes = roundUp(bytes + span.bytes, 256);
      return span;
    });
    const storage = this.#storage(bytes);
    const byPlace = new Map(states.map((state, i) => [placeOf(state), spans[i]!]));
    forward(
      this.#recorder,
      model.workspace,
      model,
      batch,
      this.#blocks,
      (stack, site, layer, state) => {
        const span = byPlace.get(placeOf({ stack, site, layer }));
        if (span) {
          const out = { storage, offset: span.offset, size: span.bytes };
          if (wanted.length) {
            pool(this.#recorder, state, batch.sentences, batch.count, wanted, out);
          } else unpack(this.#recorder, state, batch.tokens, out);
        }
        if (isFirst && stack === 0 && site === "hidden" && layer <= 1) this.#recorder.submit();
      },
    );
    const readback = new Readback(model.gpu, bytes);
    this.#recorder.copyBack(storage.buffer, readback, bytes);
    const { first, count, tokens } = batch;
    return { first, count, tokens, spans, readback };
  }

  /** Starts the batch that was recorded. */
  submit(): void {
    this.#recorder.submit();
  }

  #storage(bytes: number): StorageBuffer {
    if (!this.#out || this.#out.buffer.size < bytes) {
      this.#out?.[Symbol.dispose]();
      this.#out = createStorage(this.model.gpu, bytes, "captured states");
    }
    return this.#out;
  }

  [Symbol.dispose](): void {
    this.#recorder[Symbol.dispose]();
    this.#out?.[Symbol.dispose]();
  }
}

function placeOf({ stack, site, layer }: Pick<StateId, "stack" | "site" | "layer">): string {
  return `${stack} ${site} ${layer}`;
}

async function collect(
  { first, count, tokens, spans, readback }: Pending,
  states: readonly StateId[],
  wanted: readonly Pool[],
): Promise<CapturedBatch> {
  const data = new Float32Array(await readback.map());
  const rows = wanted.length ? count : tokens;
  return {
    first,
    count,
    tokens,
    states: states.map((id, i) => {
      const padded = roundUp(id.width, 4);
      const values = Array.from({ length: wanted.length || 1 }, (_, p) => {
        const from = spans[i]!.offset / 4 + p * rows * padded;
        return dropPadding(data.subarray(from, from + rows * padded), padded, id.width);
      });
      return { id, values };
    }),
  };
}

function dropPadding(data: Float32Array, padded: number, width: number): Float32Array {
  if (padded === width) return data;
  const rows = data.length / padded;
  const trimmed = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    trimmed.set(data.subarray(row * padded, row * padded + width), row * width);
  }
  return trimmed;
}
