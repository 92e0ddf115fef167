import { join } from "node:path";
import type { SplitName } from "../data/dataset.ts";
import {
  cannot,
  exists,
  guarded,
  isNamed,
  lookAt,
  removeIfPresent,
  writeAll,
} from "../formats/files.ts";
import { readJsonObject } from "../formats/json.ts";
import { replaceFile } from "../formats/replace.ts";
import { safetensorsHeader } from "../formats/safetensors.ts";
import type { StateId } from "../model/states.ts";
import { SpindleError } from "../util.ts";
import { type FeatureStore, fileName, partialPath } from "./store.ts";

/** The file of a state while it is written. */
interface OpenState {
  /** Where it lies once it is whole, and until then. */
  readonly path: string;
  readonly partial: string;
  readonly file: Deno.FsFile;
  /** The byte at which each pool begins. */
  readonly begins: readonly number[];
  readonly width: number;
}

/** Writes the states of a split row by row, and remembers how far it came. */
export class SplitWriter implements Disposable {
  readonly #files: OpenState[] = [];
  readonly #progress: string;
  /** Rows that are written; after an interruption it starts where that run stopped. */
  rows: number;

  constructor(
    readonly store: FeatureStore,
    readonly split: SplitName,
    readonly states: readonly StateId[],
  ) {
    this.#progress = join(store.folder, `${split}.progress.json`);
    this.rows = this.#rowsDone();
    using onFailure = new DisposableStack();
    onFailure.use(this);
    for (const state of states) this.#files.push(this.#open(state));
    onFailure.move();
  }

  /** Writes the next rows: for each state, for each pool of the store, `[count, width]`. */
  write(values: readonly (readonly Float32Array[])[], count: number): void {
    this.#files.forEach(({ path, file, begins, width }, i) => {
      guarded(`write "${path}"`, () => {
        values[i]!.forEach((rows, p) => {
          file.seekSync(begins[p]! + this.rows * width * 4, Deno.SeekMode.Start);
          writeAll(file, rows);
        });
      });
    });
    this.rows += count;
  }

  /**
   * Remembers on disk how many rows are written by now, once they are on disk themselves. More may
   * be written in the meantime.
   *
   * @throws {SpindleError} If a file was removed or replaced, or the system refuses.
   */
  async checkpoint(): Promise<void> {
    const states = this.states.map(({ name }) => name);
    const progress = JSON.stringify({ rows: this.rows, states });
    await this.#sync();
    this.#requireFiles();
    replaceFile(this.#progress, progress);
  }

  /**
   * Makes the files whole: from now on they count as there.
   *
   * @throws {SpindleError} If a file was removed or replaced, or the system refuses.
   */
  async finish(): Promise<void> {
    await this.#sync();
    this.#requireFiles();
    for (const { path, partial } of this.#files) {
      // A run beside this one writes the same bytes, and may have been the first.
      if (exists(path)) removeIfPresent(partial);
      else guarded(`write "${path}"`, () => Deno.renameSync(partial, path));
    }
    removeIfPresent(this.#progress); // a split of one batch never had one
  }

  /**
   * A store can be removed, and begun anew by another run, while this one writes: what then lies at
   * the paths holds other rows than this one wrote.
   */
  #requireFiles(): void {
    for (const { path, partial, file } of this.#files) {
      const isThere = guarded(
        `write "${path}"`,
        () => isNamed(file, partial) || lookAt(path)?.size === file.statSync().size,
      );
      if (isThere) continue;
      throw new SpindleError(
        `Cannot finish "${path}" as it was removed or replaced while it was written: run again`,
      );
    }
  }

  async #sync(): Promise<void> {
    await Promise.all(this.#files.map(async ({ path, file }) => {
      try {
        await file.syncData();
      } catch (error) {
        throw cannot(`write "${path}"`, error);
      }
    }));
  }

  #open(state: StateId): OpenState {
    const path = join(this.store.folder, fileName(this.split, state));
    const partial = partialPath(this.store, this.split, state);
    const { header, begins, length } = this.#layout(state);
    return guarded(`write "${path}"`, () => {
      using onFailure = new DisposableStack();
      const file = onFailure.use(
        Deno.openSync(partial, { read: true, write: true, create: true }),
      );
      file.truncateSync(length);
      file.seekSync(0, Deno.SeekMode.Start);
      writeAll(file, header);
      onFailure.move();
      return { path, partial, file, begins, width: state.width };
    });
  }

  /** The bytes that open a state's file, where each pool begins, and how long the file is. */
  #layout({ width }: StateId) {
    const { rows, pools } = this.store.key;
    const shape = [rows[this.split], width];
    const { header, infos } = safetensorsHeader(
      new Map(pools.map((pool) => [pool, { dtype: "F32" as const, shape }])),
    );
    const begins = pools.map((pool) => infos.find(({ name }) => name === pool)!.begin);
    const length = Math.max(...infos.map(({ begin, byteLength }) => begin + byteLength));
    return { header, begins, length };
  }

  /** How far an interrupted run of the same states came. */
  #rowsDone(): number {
    if (!exists(this.#progress)) return 0;
    try {
      const progress = readJsonObject(this.#progress);
      const same = JSON.stringify(progress.states) ===
        JSON.stringify(this.states.map(({ name }) => name));
      const files = this.states.every((state) => {
        const { length } = this.#layout(state);
        return Deno.statSync(partialPath(this.store, this.split, state)).size === length;
      });
      const { rows } = progress;
      const isCount = typeof rows === "number" && Number.isInteger(rows) &&
        rows >= 0 && rows <= this.store.key.rows[this.split];
      return same && files && isCount ? rows : 0;
    } catch {
      return 0; // an unreadable note of progress costs time, not correctness
    }
  }

  [Symbol.dispose](): void {
    for (const { file } of this.#files) file.close();
  }
}
