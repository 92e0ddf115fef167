import { existsSync } from "node:fs";
import { join } from "node:path";
import { messageOf, SpindleError } from "../util.ts";
import { replaceFile, writeAll } from "./files.ts";
import { float32ToBfloat16, float32ToFloat16 } from "./float.ts";
import {
  openModelWeights,
  readFloats,
  type TensorData,
  type TensorInfo,
  type TensorSource,
  writeSafetensors,
} from "./safetensors.ts";

/** Float types that weights can be converted to. */
export type WeightDtype = "F32" | "F16" | "BF16";

/** What a model folder holds beside its weights. */
const MODEL_FILES = [
  "config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
];

/**
 * Writes a model to another folder with all its floats in one type, as one file of weights and the
 * configuration and tokenizer beside it. Integer tensors stay as they are.
 *
 * @param from The model's folder.
 * @param to The folder to write, made where absent.
 * @param dtype The type of the floats.
 * @returns How many tensors were written.
 * @throws {SpindleError} Where a weight is too large for the type, or a file cannot be read or
 * written; the new folder then has no weights.
 */
export function convertWeights(from: string, to: string, dtype: WeightDtype): number {
  using source = openModelWeights(from);
  makeFolder(to);
  if (Deno.realPathSync(from) === Deno.realPathSync(to)) {
    throw new SpindleError(`Cannot convert "${from}" into itself: name another folder`);
  }
  const tensors = new Map<string, TensorData>();
  for (const info of source.tensors.values()) {
    tensors.set(info.name, convertTensor(source, info, dtype));
  }
  copyFiles(from, to);
  // Other readers want to know which framework laid the tensors out: "pt" is the usual layout.
  writeSafetensors(join(to, "model.safetensors"), tensors, { format: "pt" });
  return tensors.size;
}

/** The data is a function, so that one tensor at a time is in memory. */
function convertTensor(source: TensorSource, info: TensorInfo, dtype: WeightDtype): TensorData {
  const { name, shape } = info;
  if (info.dtype === dtype || !["F64", "F32", "F16", "BF16"].includes(info.dtype)) {
    return { dtype: info.dtype, shape, data: () => source.readBytes(name) };
  }
  return { dtype, shape, data: () => roundFloats(name, readFloats(source, name), dtype) };
}

function roundFloats(name: string, values: Float32Array, dtype: WeightDtype): ArrayBufferView {
  if (dtype === "F32") return values;
  const bits = dtype === "F16" ? float32ToFloat16(values) : float32ToBfloat16(values);
  const infinity = dtype === "F16" ? 0x7c00 : 0x7f80;
  const overflow = bits.findIndex((word, i) =>
    (word & 0x7fff) === infinity && Number.isFinite(values[i])
  );
  if (overflow >= 0) {
    throw new SpindleError(
      `Cannot convert tensor ${JSON.stringify(name)} to ${dtype} as its value ` +
        `${values[overflow]} would become infinite: choose a wider type`,
    );
  }
  return bits;
}

function makeFolder(path: string): void {
  try {
    Deno.mkdirSync(path, { recursive: true });
  } catch (error) {
    throw new SpindleError(`Cannot make the folder "${path}": ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function copyFiles(from: string, to: string): void {
  for (const name of MODEL_FILES.filter((name) => existsSync(join(from, name)))) {
    const content = Deno.readFileSync(join(from, name));
    replaceFile(join(to, name), (file) => writeAll(file, content));
  }
}
