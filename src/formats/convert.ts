import { join } from "node:path";
import { SpindleError } from "../util.ts";
import { exists, readWhole } from "./files.ts";
import { float32ToBfloat16 } from "./float.ts";
import { makeFolder } from "./folder.ts";
import { type NewFile, replaceLargeFiles, type WriteProgress } from "./replace.ts";
import {
  indexName,
  openModelWeights,
  readExactFloats,
  type RowRange,
  safetensorsFile,
  type TensorData,
  type TensorInfo,
  type TensorSource,
  weightsName,
} from "./safetensors.ts";

/** Float types that weights can be converted to. */
type WeightDtype = "F32" | "F16" | "BF16";

/** About so many bytes of a tensor are converted at once. */
const pieceBytes = 2 ** 24;

/** What a model folder holds beside its weights. */
const settingsFiles = [
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
 * @param onProgress Told now and then how many bytes are written.
 * @returns How many tensors were written.
 * @throws {SpindleError} Where a model is in the folder to write, a weight is too large for the
 * type, or a file cannot be read or written; the folder then is as it was.
 */
export async function convertWeights(
  from: string,
  to: string,
  dtype: WeightDtype,
  onProgress?: WriteProgress,
): Promise<number> {
  using source = openModelWeights(from);
  requireNoModel(to);
  using _folder = makeFolder(to);
  const tensors = new Map<string, TensorData>();
  for (const info of source.tensors.values()) {
    tensors.set(info.name, convertTensor(source, info, dtype));
  }
  // Other readers want to know which framework laid the tensors out: "pt" is the usual layout.
  const weights = safetensorsFile(join(to, weightsName), tensors, { format: "pt" });
  await replaceLargeFiles([weights, ...copies(from, to)], onProgress);
  return tensors.size;
}

/** The data is a function, so that one piece of a tensor at a time is in memory. */
function convertTensor(source: TensorSource, info: TensorInfo, dtype: WeightDtype): TensorData {
  const { name, shape } = info;
  const isFloat = ["F64", "F32", "F16", "BF16"].includes(info.dtype);
  const convert = (rows: RowRange | undefined) =>
    isFloat && info.dtype !== dtype
      ? roundFloats(name, readExactFloats(source, name, rows), dtype)
      : source.readBytes(name, rows);
  return {
    dtype: isFloat ? dtype : info.dtype,
    shape,
    *data() {
      for (const rows of pieces(info)) yield convert(rows);
    },
  };
}

/** The rows of each piece of a tensor; a single number has none. */
function* pieces({ shape, byteLength }: TensorInfo): Generator<RowRange | undefined> {
  const [count] = shape;
  if (count === undefined) return yield undefined;
  const step = Math.max(1, Math.floor(pieceBytes * count / byteLength));
  for (let start = 0; start < count; start += step) {
    yield { start, end: Math.min(count, start + step) };
  }
}

const rounding = {
  F32: (floats: Float32Array) => floats,
  F16: (floats: Float32Array) => new Float16Array(floats),
  BF16: float32ToBfloat16,
};
const bfloat16Infinity = 0x7f80;

function roundFloats(
  name: string,
  values: Float32Array | Float64Array,
  dtype: WeightDtype,
): ArrayBufferView {
  const floats = values instanceof Float32Array ? values : new Float32Array(values);
  const rounded = rounding[dtype](floats);
  // bfloat16 numbers are given as their bits, of which the first is the sign.
  const isInfinite = (value: number) =>
    dtype === "BF16" ? (value & 0x7fff) === bfloat16Infinity : Math.abs(value) === Infinity;
  const overflow = values.findIndex((value, i) =>
    Number.isFinite(value) && isInfinite(rounded[i]!)
  );
  if (overflow >= 0) {
    throw new SpindleError(
      `Cannot convert tensor ${JSON.stringify(name)} to ${dtype} as its value ` +
        `${values[overflow]} would become infinite: choose a wider type`,
    );
  }
  return rounded;
}

function copies(from: string, to: string): NewFile[] {
  return settingsFiles.filter((name) => exists(join(from, name))).map((name) => {
    const content = readWhole(join(from, name));
    return { path: join(to, name), bytes: content.byteLength, content: [content] };
  });
}

/**
 * A model that is there may be the only copy, such as the one that this was converted from, and
 * what is there of one would be taken for this one's.
 */
function requireNoModel(folder: string): void {
  const parts = [...settingsFiles, weightsName, indexName];
  if (!parts.some((name) => exists(join(folder, name)))) return;
  throw new SpindleError(
    `Cannot convert to "${folder}" as it holds a model already: name another folder, or remove it ` +
      "first",
  );
}
