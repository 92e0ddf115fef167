import { parsedOrUndefined } from "../formats/json.ts";
import {
  openSafetensors,
  readFloats,
  readIntegers,
  type SafetensorsFile,
} from "../formats/safetensors.ts";
import { type Pool, pools } from "../ops/pool.ts";
import { SpindleError } from "../util.ts";
import type { Capture, Model } from "./model.ts";

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
  /** Whether the token ids of the golden file's texts are equal; undefined without texts. */
  readonly idsEqual: boolean | undefined;
  /** Whether all tensors are within the bound, and no token ids differ. */
  readonly passed: boolean;
}

/** Differences of at most this, by max(1, largest reference value), pass. */
export const bound = 1e-4;

/**
 * Compares a model with a golden file of a reference implementation: `input_ids` and
 * `attention_mask` `[sentences, tokens]`; states such as `hidden.3` `[sentences, tokens, width]`;
 * pooled states such as `hidden.3.mean` `[sentences, width]`; texts in the metadata.
 *
 * @throws {SpindleError} If the golden file cannot be read, holds no sentences, no states or one that
 * the model lacks, a tensor of another shape, or texts that are not a JSON list; or if the model
 * cannot run its sentences.
 */
export async function verifyModel(model: Model, golden: string): Promise<Verification> {
  using file = openSafetensors(golden);
  const sentences = readSentences(file);
  const known = new Set(model.states().map(({ name }) => name));
  const tensors: TensorDifference[] = [];
  const captures = new Map<Pool | "tokens", Capture>();
  for (const name of [...file.tensors.keys()].sort(byNumber)) {
    if (name === "input_ids" || name === "attention_mask") continue;
    const pool = pools.find((pool) => name.endsWith(`.${pool}`));
    const state = pool ? name.slice(0, -pool.length - 1) : name;
    if (!known.has(state)) {
      throw new SpindleError(
        `Cannot verify "${golden}" as its tensor "${name}" is no state of the model: ` +
          `the states are ${[...known].join(", ")}`,
      );
    }
    const key = pool ?? "tokens";
    if (!captures.has(key)) {
      const wanted = pool ? [pool] : [];
      captures.set(key, await model.capture(sentences.ids, { states: [...known], pools: wanted }));
    }
    const { values, width } = captures.get(key)!.states.get(state)!;
    const reference = readFloats(file, name);
    const rows = pool ? sentences.ids.map((_, i) => i) : sentences.rows;
    checkShape(file, name, [sentences.ids.length, ...(pool ? [] : [sentences.padded]), width]);
    tensors.push(compare(name, values[key]!, reference, rows, width));
  }
  if (tensors.length === 0) {
    throw new SpindleError(`Cannot verify "${golden}" as it holds no states`);
  }
  const idsEqual = compareIds(model, file, sentences.ids);
  const passed = tensors.every((tensor) => tensor.passed) && idsEqual !== false;
  return { bound, tensors, idsEqual, passed };
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
  const [count = 0, padded = 0] = file.tensors.get("input_ids")!.shape;
  if (count * padded !== ids.length || mask.length !== ids.length) {
    throw new SpindleError(
      `Cannot verify "${file.path}" as its input_ids and attention_mask are not both [sentences, tokens]`,
    );
  }
  if (ids.length === 0) {
    throw new SpindleError(`Cannot verify "${file.path}" as it has no sentences: make it anew`);
  }
  const rows = [...mask.keys()].filter((i) => mask[i] === 1);
  const sentences: number[][] = Array.from({ length: count }, () => []);
  for (const row of rows) sentences[Math.floor(row / padded)]!.push(ids[row]!);
  return { ids: sentences, padded, rows };
}

function checkShape(file: SafetensorsFile, name: string, shape: number[]): void {
  const found = file.tensors.get(name)!.shape;
  if (found.join() === shape.join()) return;
  throw new SpindleError(
    `Cannot verify "${file.path}" as its tensor "${name}" has the shape [${found.join(", ")}]: ` +
      `the model makes [${shape.join(", ")}]`,
  );
}

function compare(
  name: string,
  values: Float32Array,
  reference: Float32Array,
  rows: readonly number[],
  width: number,
): TensorDifference {
  let maxAbsolute = 0;
  let largest = 0;
  rows.forEach((from, to) => {
    for (let c = 0; c < width; c++) {
      const expected = reference[from * width + c]!;
      const difference = Math.abs(expected - values[to * width + c]!);
      // A comparison that NaN cannot pass: it must not look like a small difference.
      if (!(difference <= maxAbsolute)) {
        maxAbsolute = Number.isNaN(difference) ? Infinity : difference;
      }
      largest = Math.max(largest, Math.abs(expected));
    }
  });
  const maxRelative = maxAbsolute / Math.max(1, largest);
  return { name, maxAbsolute, maxRelative, passed: maxRelative <= bound };
}

function compareIds(model: Model, file: SafetensorsFile, ids: number[][]): boolean | undefined {
  const texts = file.metadata.get("texts");
  if (texts === undefined || !model.tokenizer) return undefined;
  const list = parsedOrUndefined(texts);
  if (!Array.isArray(list) || !list.every((text) => typeof text === "string")) {
    throw new SpindleError(
      `Cannot verify "${file.path}" as its texts are not a JSON list of texts`,
    );
  }
  return JSON.stringify(model.tokenize(list)) === JSON.stringify(ids);
}

function byNumber(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}
