import type { Gpu } from "../gpu/device.ts";
import { createStorage, type StorageBuffer } from "../gpu/memory.ts";
import { Readback } from "../gpu/readback.ts";
import { Recorder } from "../gpu/recorder.ts";
import { type Pool, pool, unpack } from "../ops/pool.ts";
import { roundUp, SpindleError } from "../util.ts";
import type { Batch } from "./batch.ts";
import { forward } from "./forward.ts";
import type { Transformer } from "./pass.ts";
import { blocksToRun, type StateId } from "./states.ts";
import type { Workspace } from "./workspace.ts";

/** A model as capturing sees it. */
export interface CapturedModel extends Transformer {
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
export interface CapturedBatch {
  /** How many sentences there are. */
  readonly count: number;
  readonly tokens: number;
  /** A state's numbers in the order in which the states were asked for. */
  readonly states: readonly CapturedState[];
}

/** The numbers of one state. */
export interface CapturedState {
  readonly id: StateId;
  /** For each wanted pool `[count, width]`; without pools one entry, `[tokens, width]`. */
  readonly values: readonly Float32Array[];
}

/** A recorded batch whose results were not read yet. */
export interface RecordedBatch {
  readonly count: number;
  readonly tokens: number;
  readonly spans: readonly { readonly offset: number; readonly bytes: number }[];
  readonly readback: Readback;
}

/** Records batches, each with the reads of its wanted states. */
export class CaptureRecorder implements Disposable {
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
  record(batch: Batch, isFirst: boolean): RecordedBatch {
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
    const { count, tokens } = batch;
    return { count, tokens, spans, readback };
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

/** Waits for a batch and reads its states, which are gone when its readback is disposed. */
export async function collect(
  { count, tokens, spans, readback }: RecordedBatch,
  states: readonly StateId[],
  wanted: readonly Pool[],
): Promise<CapturedBatch> {
  const data = new Float32Array(await readback.map());
  const rows = wanted.length ? count : tokens;
  return {
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
