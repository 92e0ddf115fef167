import { statfsSync } from "node:fs";
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type SplitName, splitNames } from "../data/dataset.ts";
import { exists } from "../formats/files.ts";
import { makeFolder } from "../formats/folder.ts";
import { readJsonObject } from "../formats/json.ts";
import { replaceFile } from "../formats/replace.ts";
import { openSafetensors, readFloats, type SafetensorsFile } from "../formats/safetensors.ts";
import type { Precision } from "../gpu/precision.ts";
import type { StateId } from "../model/states.ts";
import type { Pool } from "../ops/pool.ts";
import { isGranted, megabytes, SpindleError } from "../util.ts";
import { removalCommand } from "./location.ts";

/** What the features of a store were made from; equal keys mean equal features. */
export interface StoreKey {
  /** The version of what computes features. */
  readonly version: number;
  /** SHA-256 of the model: configuration, tokenizer and weights. */
  readonly modelSha256: string;
  /** SHA-256 of the classes, texts and labels of all splits. */
  readonly datasetSha256: string;
  /** The float type of the model's weights on the GPU. */
  readonly weights: Precision;
  /** The adapter that ran the model: others round otherwise. */
  readonly adapter: string;
  /** The pools of every state. */
  readonly pools: readonly Pool[];
  /** Texts of each split. */
  readonly rows: Readonly<Record<SplitName, number>>;
}

/** Row-major features, read in blocks of rows so that they can stream from disk. */
export interface Features {
  /** What messages call them, such as `hidden.3 (max pool, train split)`. */
  readonly name?: string;
  /** Texts. */
  readonly rows: number;
  /** Neurons. */
  readonly cols: number;
  /** Reads rows `start` to `end`, row-major float32. */
  read(start: number, end: number): Float32Array;
  /** Whether what was read stays as it is when more is read; where not, it is copied to be kept. */
  readonly isLasting?: boolean;
}

/**
 * Pooled states on disk: one safetensors file a split and state, with a float32 tensor
 * `[texts, width]` a pool. A file is there when it is whole.
 */
export interface FeatureStore {
  /** Where the files lie. */
  readonly folder: string;
  /** What the features were made from. */
  readonly key: StoreKey;
}

/** The name of a state's file. */
export function fileName(split: SplitName, state: StateId): string {
  return `${split}.${state.name}.safetensors`;
}

/**
 * Where a store is, or will be.
 *
 * @param parent Where stores lie; each has a folder named by its key.
 */
export async function findStore(parent: string, key: StoreKey): Promise<FeatureStore> {
  const text = JSON.stringify(key);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return { folder: join(parent, new Uint8Array(digest).toHex().slice(0, 16)), key };
}

/** Whether a name is of the kind that {@linkcode findStore} gives the folder of a store. */
export function isStoreName(name: string): boolean {
  return /^[0-9a-f]{16}$/.test(name);
}

/**
 * A store that was made with more pools, and holds all splits of some states.
 *
 * @param parent Where stores lie.
 * @param key What is wanted.
 * @returns Undefined where there is none.
 */
export function findRicherStore(
  parent: string,
  key: StoreKey,
  states: readonly StateId[],
): FeatureStore | undefined {
  for (const name of namesIn(parent).filter(isStoreName)) {
    const folder = join(parent, name);
    const pools = richerPools(folder, key);
    const store = { folder, key: { ...key, pools } };
    if (pools.length > 0 && holdsStates(store, states)) return store;
  }
  return undefined;
}

/** Whether a store holds all splits of some states. */
export function holdsStates(store: FeatureStore, states: readonly StateId[]): boolean {
  return splitNames.every((split) => missingStates(store, split, states).length === 0);
}

/** What is in a folder; nothing where it cannot be listed, which {@linkcode beginStore} tells. */
function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch {
    return [];
  }
}

/** The pools of a store of that key but for them, if those of the key are among them. */
function richerPools(folder: string, { pools: wanted, ...key }: StoreKey): Pool[] {
  try {
    const { pools, ...found } = readJsonObject(join(folder, manifestName));
    const isRicher = Array.isArray(pools) && wanted.every((pool) => pools.includes(pool));
    return isRicher && isDeepStrictEqual(found, key) ? pools : [];
  } catch {
    return []; // no store, or a broken one
  }
}

/** The file of a store that holds its key. */
export const manifestName = "manifest.json";

/**
 * Begins a store, unless it is there.
 *
 * @param bytes How many more it is to hold.
 * @throws {SpindleError} If the folder cannot be written, or the disk has no room; it then is as it
 * was.
 */
export function beginStore({ folder, key }: FeatureStore, bytes: number): void {
  try {
    using _folder = makeFolder(folder);
    requireRoom(folder, bytes);
    const manifest = join(folder, manifestName);
    if (!exists(manifest)) replaceFile(manifest, JSON.stringify(key, undefined, 2) + "\n");
  } catch (error) {
    // Whoever did not choose the folder does not know how to choose another.
    if (!(error instanceof SpindleError) || error.cause === undefined) throw error;
    throw new SpindleError(`${error.message}, or set features (--features) to another folder`, {
      cause: error.cause,
    });
  }
}

/** The states of a split that the store does not hold yet. */
export function missingStates(store: FeatureStore, split: SplitName, states: readonly StateId[]) {
  return states.filter((state) => !exists(join(store.folder, fileName(split, state))));
}

/** The bytes that an interrupted run has already taken of the disk for a state of a split. */
export function partialBytes(store: FeatureStore, split: SplitName, state: StateId): number {
  return bytesOnDisk(partialPath(store, split, state));
}

/**
 * The bytes that a file takes of the disk: one that is not whole yet takes less than it is long,
 * one that is gone, as a run beside this one renames its files, takes none.
 */
export function bytesOnDisk(path: string): number {
  try {
    const { size, blocks } = Deno.lstatSync(path);
    return Math.min(size, 512 * (blocks ?? Infinity));
  } catch {
    return 0;
  }
}

/** Where a state of a split lies until it is whole. */
export function partialPath({ folder }: FeatureStore, split: SplitName, state: StateId): string {
  return join(folder, `${fileName(split, state)}.partial`);
}

/** The bytes that a state of a split takes. */
export function stateBytes({ key }: FeatureStore, split: SplitName, state: StateId): number {
  return key.rows[split] * state.width * 4 * key.pools.length;
}

/**
 * Makes sure that the disk has room.
 *
 * @throws {SpindleError} If it has not.
 */
export function requireRoom(folder: string, bytes: number): void {
  // Without the permission to ask, a full disk is an error when it is met.
  if (!isGranted({ name: "sys", kind: "statfs" })) return;
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  if (bytes <= free) return;
  throw new SpindleError(
    `Cannot extract features to "${folder}" as they take ${megabytes(bytes)} and the disk has ` +
      `${megabytes(free)} left: make room, choose another folder, fewer sites or a limit`,
  );
}

/**
 * The features of one pool of a state, `[texts of the split, neurons of the state]`.
 *
 * @returns Features whose `read` throws a {@linkcode SpindleError} if the file is missing, broken
 * or of another type or shape.
 * @throws {SpindleError} If the store was not made to hold the pool.
 */
export function readFeatures(
  store: FeatureStore,
  split: SplitName,
  state: StateId,
  pool: Pool,
): Features {
  const { pools } = store.key;
  if (!pools.includes(pool)) {
    throw new SpindleError(
      `Cannot read the pool "${pool}" of "${store.folder}" as it holds ` +
        `${
          pools.length > 0 ? `only ${pools.join(", ")}` : "none"
        }: extract features with that pool`,
    );
  }
  const path = join(store.folder, fileName(split, state));
  const rows = store.key.rows[split];
  return {
    name: `${state.name} (${pool} pool, ${split} split)`,
    rows,
    cols: state.width,
    isLasting: true,
    read(start, end) {
      using file = openFeatures(path, pool, [rows, state.width]);
      return readFloats(file, pool, { start, end });
    },
  };
}

/** Opens a file of features that hold a pool of that shape. */
function openFeatures(path: string, pool: Pool, shape: readonly number[]): SafetensorsFile {
  const refuse = (reason: string, cause?: unknown) =>
    new SpindleError(
      `Cannot use the features "${path}" as ${reason}: remove them with ` +
        `"${removalCommand(dirname(path))}" and run again`,
      { cause },
    );
  let file: SafetensorsFile;
  try {
    file = openSafetensors(path);
  } catch (error) {
    if (error instanceof SpindleError && error.cause instanceof Deno.errors.NotFound) {
      throw new SpindleError(`Cannot read the features "${path}" as they were removed: run again`);
    }
    // Where the system refused, its reason has an advice of its own.
    if (!(error instanceof SpindleError) || error.cause !== undefined) throw error;
    throw refuse("the file is damaged", error);
  }
  const found = file.tensors.get(pool);
  if (found?.dtype === "F32" && found.shape.join() === shape.join()) return file;
  file[Symbol.dispose]();
  const what = found ? `${found.dtype} [${found.shape.join(", ")}]` : "missing";
  throw refuse(`their ${pool} pool is ${what} where F32 [${shape.join(", ")}] is needed`);
}
