import { parsedOrUndefined } from "../formats/json.ts";
import {
  openSafetensors,
  readFloats,
  readIntegers,
  type SafetensorsFile,
} from "../formats/safetensors.ts";
import { differenceOf } from "../measure/difference.ts";
import { type Pool, pools } from "../ops/pool.ts";
import { SpindleError } from "../util.ts";
import type { Model } from "./model.ts";
import type { StateId } from "./states.ts";

/** How one tensor of a golden file compares with the model's. */
export interface TensorDifference {
  /** Such as `hidden.3` or `hidden.3.mean`. */
  readonly name: string;
  /** The largest absolute difference. */
  readonly maxAbsolute: number;
  /** The largest difference by max(1, the largest reference value). */
  readonly maxRelative: number;
  /** Whether it is within the bound. */
  readonly passed: boolean;
}

/** How a model compares with a golden file. */
export interface Verification {
  /** The largest relative difference that passes. */
  readonly bound: number;
  /** The tensors of the golden file, by name. */
  readonly tensors: readonly TensorDifference[];
  /**
   * Whether the token ids of the golden file's texts are equal; undefined without texts, or where
   * the model has no tokenizer.
   */
  readonly idsEqual: boolean | undefined;
  /** Whether all tensors are within the bound, and no token ids differ. */
  readonly passed: boolean;
}

/** Differences of at most this, by max(1, largest reference value), pass. */
export const verifyBound = 1e-4;

/**
 * Compares a model with a golden file of a reference implementation: `input_ids` and
 * `attention_mask` `[sentences, tokens]`; states such as `hidden.3` `[sentences, tokens, width]`;
 * pooled states such as `hidden.3.mean` `[sentences, width]`; texts in the metadata. It runs only
 * the blocks that the file's states need.
 *
 * @throws {SpindleError} If the golden file cannot be read, holds no sentences, no states or one
 * that the model lacks, a tensor of another shape, or texts that are not a JSON list; or if the
 * model cannot run its sentences.
 */
export async function verifyModel(model: Model, golden: string): Promise<Verification> {
  using file = openSafetensors(golden);
  const sentences = readSentences(file);
  const wanted = listReferences(model, file, sentences);
  const tensors: TensorDifference[] = [];
  for (const [pool, references] of Map.groupBy(wanted, (reference) => reference.pool)) {
    const capture = await model.capture(sentences.ids, {
      states: references.map(({ state }) => state.name),
      pools: pool ? [pool] : [],
    });
    for (const { name, state } of references) {
      const values = capture.states.get(state.name)!.values[pool ?? "tokens"]!;
      const padded = readFloats(file, name);
      const expected = pool ? padded : pickRows(padded, sentences.rows, state.width);
      tensors.push(compare(name, values, expected));
    }
  }
  tensors.sort((a, b) => byNumber(a.name, b.name));
  const idsEqual = compareIds(model, file, sentences.ids);
  const passed = tensors.every((tensor) => tensor.passed) && idsEqual !== false;
  return { bound: verifyBound, tensors, idsEqual, passed };
}

interface Sentences {
  ids: number[][];
  /** Tokens of a row with its padding. */
  padded: number;
  /** Where each real token lies among the padded ones. */
  rows: number[];
}

function readSentences(file: SafetensorsFile): Sentences {
  const ids = readIntegers(file, "input_ids");
  const mask = readIntegers(file, "attention_mask");
  const [shape, maskShape] = ["input_ids", "attention_mask"]
    .map((name) => file.tensors.get(name)!.shape);
  const [count = 0, padded = 0] = shape!;
  if (count * padded !== ids.length || maskShape!.join() !== shape!.join()) {
    throw new SpindleError(
      `Cannot verify "${file.path}" as its input_ids and attention_mask are not both [sentences, ` +
        "tokens]: make it anew",
    );
  }
  if (ids.length === 0) {
    throw new SpindleError(`Cannot verify "${file.path}" as it has no sentences: make it anew`);
  }
  const broken = mask.find((value) => value !== 0 && value !== 1);
  if (broken !== undefined) {
    throw new SpindleError(
      `Cannot verify "${file.path}" as its attention_mask holds ${broken}: it is 1 for a token and ` +
        "0 for padding",
    );
  }
  const rows = [...mask.keys()].filter((i) => mask[i] === 1);
  const sentences: number[][] = Array.from({ length: count }, () => []);
  for (const row of rows) sentences[Math.floor(row / padded)]!.push(ids[row]!);
  return { ids: sentences, padded, rows };
}

/** A tensor of a golden file, and which state of the model it is to be. */
interface Reference {
  name: string;
  state: StateId;
  /** How the state is pooled; undefined for every token's. */
  pool: Pool | undefined;
}

function listReferences(
  model: Model,
  file: SafetensorsFile,
  { ids, padded }: Sentences,
): Reference[] {
  const states = new Map(model.states().map((state) => [state.name, state]));
  const names = [...file.tensors.keys()]
    .filter((name) => name !== "input_ids" && name !== "attention_mask");
  if (names.length === 0) {
    throw new SpindleError(`Cannot verify "${file.path}" as it holds no states: make it anew`);
  }
  return names.map((name) => {
    const pool = pools.find((pool) => name.endsWith(`.${pool}`));
    const state = states.get(pool ? name.slice(0, -pool.length - 1) : name);
    if (!state) {
      throw new SpindleError(
        `Cannot verify "${file.path}" as its tensor "${name}" is no state of the model: ` +
          `the states are ${[...states.keys()].join(", ")}`,
      );
    }
    requireShape(file, name, [ids.length, ...(pool ? [] : [padded]), state.width]);
    return { name, state, pool };
  });
}

function requireShape(file: SafetensorsFile, name: string, shape: number[]): void {
  const found = file.tensors.get(name)!.shape;
  if (found.join() === shape.join()) return;
  throw new SpindleError(
    `Cannot verify "${file.path}" as its tensor "${name}" has the shape [${found.join(", ")}]: ` +
      `the model makes [${shape.join(", ")}]`,
  );
}

function pickRows(from: Float32Array, rows: readonly number[], width: number): Float32Array {
  const picked = new Float32Array(rows.length * width);
  rows.forEach((row, i) => picked.set(from.subarray(row * width, (row + 1) * width), i * width));
  return picked;
}

function compare(name: string, values: Float32Array, expected: Float32Array): TensorDifference {
  const { largest, scale } = differenceOf(values, expected);
  const maxRelative = largest / scale;
  return { name, maxAbsolute: largest, maxRelative, passed: maxRelative <= verifyBound };
}

function compareIds(model: Model, file: SafetensorsFile, ids: number[][]): boolean | undefined {
  const texts = file.metadata.get("texts");
  if (texts === undefined || !model.tokenizer) return undefined;
  const list = parsedOrUndefined(texts);
  if (!Array.isArray(list) || !list.every((text) => typeof text === "string")) {
    throw new SpindleError(
      `Cannot verify "${file.path}" as its texts are not a JSON list of texts: make it anew`,
    );
  }
  return JSON.stringify(model.tokenize(list)) === JSON.stringify(ids);
}

function byNumber(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}
