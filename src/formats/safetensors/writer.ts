import { SpindleError } from "../../util.ts";
import { type NewFile, replaceFiles } from "../replace.ts";
import {
  bytesPerElement,
  isSizes,
  layoutBytes,
  metadataKey,
  mostHeaderBytes,
  prefixBytes,
  type TensorInfo,
  type TensorLayout,
} from "./header.ts";

/** A tensor to be written. */
export interface TensorData extends TensorLayout {
  /** Its values, or a function that gives them in pieces when their turn to be written has come. */
  readonly data: ArrayBufferView | (() => Iterable<ArrayBufferView>);
}

/**
 * Writes a safetensors file, whole or not at all.
 *
 * @param path The file's path; a file that is there is replaced.
 * @param tensors The tensors by name.
 * @param metadata Free text by key.
 * @throws {SpindleError} Where a tensor's bytes do not fit its shape, or the system refuses.
 */
export function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, TensorData>,
  metadata: Readonly<Record<string, string>> = {},
): void {
  replaceFiles([safetensorsFile(path, tensors, metadata)]);
}

/**
 * A safetensors file that is to be written together with others; see {@linkcode writeSafetensors}.
 */
export function safetensorsFile(
  path: string,
  tensors: ReadonlyMap<string, TensorData>,
  metadata: Readonly<Record<string, string>> = {},
): NewFile {
  const { header, infos } = safetensorsHeader(tensors, metadata);
  return {
    path,
    bytes: infos.reduce((sum, { byteLength }) => sum + byteLength, header.byteLength),
    content: {
      *[Symbol.iterator]() {
        yield header;
        for (const info of infos) yield* tensorPieces(path, info, tensors.get(info.name)!.data);
      },
    },
  };
}

function* tensorPieces(
  path: string,
  { name, dtype, shape, byteLength }: TensorInfo,
  data: TensorData["data"],
): Generator<ArrayBufferView> {
  let bytes = 0;
  for (const piece of typeof data === "function" ? data() : [data]) {
    bytes += piece.byteLength;
    yield piece;
  }
  if (bytes !== byteLength) {
    throw new SpindleError(
      `Cannot write tensor ${JSON.stringify(name)} to "${path}" as it has ${bytes} bytes: ` +
        `${dtype} [${shape}] needs ${byteLength}`,
    );
  }
}

/**
 * Lays tensors out and builds the header of a file, for callers that write the tensors themselves.
 *
 * Tensors with wider elements come first, then in the order of their names, so that each begins at
 * a multiple of its element size.
 *
 * @param tensors The type and shape of each tensor, by name.
 * @param metadata Free text by key.
 * @returns The bytes that open the file, and the tensors in the order of their bytes.
 * @throws {SpindleError} Where a name or a shape cannot be written.
 */
export function safetensorsHeader(
  tensors: ReadonlyMap<string, TensorLayout>,
  metadata: Readonly<Record<string, string>> = {},
): { header: Uint8Array<ArrayBuffer>; infos: TensorInfo[] } {
  const ordered = [...tensors].sort(([nameA, a], [nameB, b]) =>
    bytesPerElement(b.dtype) - bytesPerElement(a.dtype) || (nameA < nameB ? -1 : 1)
  );
  const entries: [string, unknown][] = [];
  if (Object.keys(metadata).length > 0) entries.push([metadataKey, metadata]);
  let dataBytes = 0;
  const infos: TensorInfo[] = [];
  for (const [name, { dtype, shape }] of ordered) {
    const byteLength = checkedLayoutBytes(name, { dtype, shape });
    const end = dataBytes + byteLength;
    entries.push([name, { dtype, shape, data_offsets: [dataBytes, end] }]);
    infos.push({ name, dtype, shape, begin: dataBytes, byteLength });
    dataBytes = end;
  }
  const header = encodeHeader(entries);
  return {
    header,
    infos: infos.map((info) => ({ ...info, begin: info.begin + header.length })),
  };
}

function checkedLayoutBytes(name: string, layout: TensorLayout): number {
  if (name === metadataKey || !name.isWellFormed()) {
    throw new SpindleError(`Cannot write a tensor named ${JSON.stringify(name)}: rename it`);
  }
  const byteLength = isSizes(layout.shape) ? layoutBytes(layout) : NaN;
  if (Number.isNaN(byteLength)) {
    throw new SpindleError(
      `Cannot write tensor ${JSON.stringify(name)} as its shape is [${layout.shape}]: ` +
        `non-negative integers are needed`,
    );
  }
  return byteLength;
}

function encodeHeader(entries: [string, unknown][]): Uint8Array<ArrayBuffer> {
  // fromEntries defines own properties, so that a tensor named __proto__ is written as any other.
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const length = Math.ceil(json.length / 8) * 8;
  if (length > mostHeaderBytes) {
    throw new SpindleError(
      `Cannot write a header of ${length} bytes: at most ${mostHeaderBytes} are allowed`,
    );
  }
  const header = new Uint8Array(prefixBytes + length).fill(" ".charCodeAt(0));
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(json, prefixBytes);
  return header;
}
