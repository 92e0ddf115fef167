import { SpindleError } from "../../util.ts";
import { isJsonObject, type JsonObject, parseStrictJson } from "../json.ts";

/** Element types of a safetensors file, by the names that the format gives them. */
export type Dtype =
  | "F64"
  | "F32"
  | "F16"
  | "BF16"
  | "I64"
  | "I32"
  | "I16"
  | "I8"
  | "U8"
  | "U16"
  | "U32"
  | "U64"
  | "BOOL";

/** What a header says about one tensor. */
export interface TensorInfo {
  /** The tensor's name. */
  readonly name: string;
  /** The type of its elements. */
  readonly dtype: Dtype;
  /** Its dimensions; empty for a scalar. */
  readonly shape: readonly number[];
  /** Where its bytes begin, counted from the start of the file. */
  readonly begin: number;
  /** How many bytes it has. */
  readonly byteLength: number;
}

/** A tensor to be written: its type and dimensions. */
export interface TensorLayout {
  /** The type of its elements. */
  readonly dtype: Dtype;
  /** Its dimensions; empty for a scalar. */
  readonly shape: readonly number[];
}

/** Bytes of the little-endian header length that opens a file. */
export const prefixBytes = 8;

/** The longest header that the format allows, in bytes. */
export const mostHeaderBytes = 100_000_000;

/** The key of the free text among the tensors. */
export const metadataKey = "__metadata__";

// A Map, so that a dtype named like a property of every object is unknown too.
const elementBytes: ReadonlyMap<string, number> = new Map<Dtype, number>([
  ["F64", 8],
  ["F32", 4],
  ["F16", 2],
  ["BF16", 2],
  ["I64", 8],
  ["I32", 4],
  ["I16", 2],
  ["I8", 1],
  ["U8", 1],
  ["U16", 2],
  ["U32", 4],
  ["U64", 8],
  ["BOOL", 1],
]);

/** Bytes of one element. */
export function bytesPerElement(dtype: Dtype): number {
  return elementBytes.get(dtype)!;
}

/**
 * Checks and reads a header.
 *
 * @param path The file's path, for messages.
 * @param header The header's bytes, without the length before it.
 * @param fileSize The size of the whole file in bytes.
 * @returns The metadata and the tensors in the order of their bytes.
 * @throws {SpindleError} Where anything is not as the format wants it.
 */
export function parseHeader(path: string, header: Uint8Array, fileSize: number): {
  metadata: Map<string, string>;
  tensors: Map<string, TensorInfo>;
} {
  const refuse: Refuse = (reason, advice = "get the file anew") =>
    new SpindleError(`Cannot read "${path}" as ${reason}: ${advice}`);
  const root = parseRoot(header, refuse);
  const dataBegin = prefixBytes + header.length;
  let metadata = new Map<string, string>();
  const infos: TensorInfo[] = [];
  for (const [name, value] of Object.entries(root)) {
    if (name === metadataKey) metadata = parseMetadata(value, refuse);
    else infos.push(parseTensor(name, value, dataBegin, refuse));
  }
  infos.sort((a, b) => a.begin - b.begin || a.byteLength - b.byteLength);
  requireContiguous(infos, dataBegin, fileSize, refuse);
  return { metadata, tensors: new Map(infos.map((info) => [info.name, info])) };
}

type Refuse = (reason: string, advice?: string) => SpindleError;

function parseRoot(header: Uint8Array, refuse: Refuse): JsonObject {
  if (header[0] !== "{".charCodeAt(0)) {
    throw refuse("its header does not start with {", "it is not a safetensors file");
  }
  let root: unknown;
  try {
    root = parseStrictJson(new TextDecoder("utf-8", { fatal: true }).decode(header));
  } catch (error) {
    const reason = error instanceof SyntaxError ? `valid JSON (${error.message})` : "valid UTF-8";
    throw refuse(`its header is not ${reason}`);
  }
  if (!isJsonObject(root)) throw refuse("its header is not a JSON object");
  return root;
}

function parseMetadata(value: unknown, refuse: Refuse): Map<string, string> {
  if (!isJsonObject(value)) throw refuse(`its ${metadataKey} is not an object of strings`);
  const metadata = new Map<string, string>();
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") {
      throw refuse(`the value of ${JSON.stringify(key)} in its ${metadataKey} is not a string`);
    }
    metadata.set(key, text);
  }
  return metadata;
}

function parseTensor(name: string, value: unknown, dataBegin: number, refuse: Refuse): TensorInfo {
  const refuseTensor: Refuse = (reason, advice) =>
    refuse(`tensor ${JSON.stringify(name)} ${reason}`, advice);
  if (!isJsonObject(value)) throw refuseTensor("is not described by an object");
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDtype(dtype)) {
    throw refuseTensor(
      `has dtype ${JSON.stringify(dtype)}`,
      `one of ${[...elementBytes.keys()].join(", ")} is needed`,
    );
  }
  if (!isSizes(shape)) {
    throw refuseTensor("has a shape that is not a list of non-negative integers");
  }
  if (!isSizes(offsets) || offsets.length !== 2) {
    throw refuseTensor("has data_offsets that are not two non-negative integers");
  }
  const [begin, end] = offsets as [number, number];
  const byteLength = layoutBytes({ dtype, shape });
  if (!Number.isSafeInteger(byteLength)) throw refuseTensor(`has too large a shape [${shape}]`);
  if (end - begin !== byteLength) {
    throw refuseTensor(
      `has ${end - begin} bytes where ${dtype} [${shape}] needs ${byteLength}`,
    );
  }
  return { name, dtype, shape, begin: dataBegin + begin, byteLength };
}

function isDtype(value: unknown): value is Dtype {
  return typeof value === "string" && elementBytes.has(value);
}

/** Whether a value is a list of sizes: non-negative safe integers. */
export function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/** Bytes of a tensor; NaN where any step of the product is not a safe integer. */
export function layoutBytes({ dtype, shape }: TensorLayout): number {
  let bytes = bytesPerElement(dtype);
  for (const size of shape) {
    bytes *= size;
    if (!Number.isSafeInteger(bytes)) return NaN;
  }
  return bytes;
}

function requireContiguous(
  infos: TensorInfo[],
  dataBegin: number,
  fileSize: number,
  refuse: Refuse,
): void {
  let expected = dataBegin;
  for (const { name, begin, byteLength } of infos) {
    if (begin !== expected) {
      const fault = begin < expected ? "overlaps the tensor before it" : "leaves a hole before it";
      const where = `begins at byte ${begin} where ${expected} was expected`;
      throw refuse(`tensor ${JSON.stringify(name)} ${where}, so that it ${fault}`);
    }
    expected += byteLength;
  }
  if (expected !== fileSize) {
    throw refuse(
      `its tensors end at byte ${expected} but the file at ${fileSize}`,
    );
  }
}
