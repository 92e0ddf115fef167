import { SpindleError } from "../../util.ts";
import { openForReading, readAt } from "../files.ts";
import { mostHeaderBytes, parseHeader, prefixBytes, type TensorInfo } from "./header.ts";

/** Bytes at the begin of a file that tell whether it is text. */
const textBytes = 64;

/** So many other tensors are named at most where one is missing. */
const mostNames = 5;

/** Rows `start` to `end` (not included) along a tensor's first dimension. */
export interface RowRange {
  /** The first row. */
  readonly start: number;
  /** The row after the last. */
  readonly end: number;
}

/** Tensors that are read on demand, from one file or from several. */
export interface TensorSource extends Disposable {
  /** The file that lists the tensors. */
  readonly path: string;
  /** What is known of each tensor, by name. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /**
   * Reads the bytes of one tensor, or of some of its rows.
   *
   * @param name The tensor's name.
   * @param rows Rows along its first dimension; all where not given.
   * @throws {SpindleError} Where there is no such tensor or row, or the file cannot be read.
   */
  readBytes(name: string, rows?: RowRange): Uint8Array<ArrayBuffer>;
}

/** An open safetensors file. */
export interface SafetensorsFile extends TensorSource {
  /** The free text of the header, by key. */
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Opens a safetensors file and checks its header; tensors are read on demand.
 *
 * @param path The file's path.
 * @returns The open file: dispose it when done.
 * @throws {SpindleError} Where the file cannot be read or is not as the format wants it.
 */
export function openSafetensors(path: string): SafetensorsFile {
  const file = openForReading(path);
  let open = true;
  const close = () => {
    if (open) file.close();
    open = false;
  };
  try {
    const { metadata, tensors } = readHeader(file, path);
    return {
      path,
      metadata,
      tensors,
      readBytes(name, rows) {
        const { begin, byteLength } = selectRows(path, findTensor(this, name), rows);
        return readAt(file, path, begin, byteLength);
      },
      [Symbol.dispose]: close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

function readHeader(file: Deno.FsFile, path: string): ReturnType<typeof parseHeader> {
  const fileSize = file.statSync().size;
  requireBinary(path, readAt(file, path, 0, Math.min(fileSize, textBytes)));
  if (fileSize < prefixBytes) {
    throw new SpindleError(
      `Cannot read "${path}" as it has ${fileSize} bytes: it is not a safetensors file`,
    );
  }
  const prefix = readAt(file, path, 0, prefixBytes);
  const headerBytes = Number(new DataView(prefix.buffer).getBigUint64(0, true));
  if (headerBytes > mostHeaderBytes) {
    throw new SpindleError(
      `Cannot read "${path}" as its header would have ${headerBytes} bytes: at most ` +
        `${mostHeaderBytes} are allowed, so that it is no safetensors file`,
    );
  }
  if (headerBytes > fileSize - prefixBytes) {
    throw new SpindleError(
      `Cannot read "${path}" as it ends within its header of ${headerBytes} bytes: it was cut ` +
        "short, or is not a safetensors file",
    );
  }
  return parseHeader(path, readAt(file, path, prefixBytes, headerBytes), fileSize);
}

/** Throws for text, such as Git LFS or a web server gives in the place of tensors. */
function requireBinary(path: string, bytes: Uint8Array): void {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
  } catch {
    return;
  }
  // The length of a header has bytes of zero, as no text has.
  if (text === "" || /[^\P{Cc}\t\n\r]/u.test(text)) return;
  throw new SpindleError(
    `Cannot read "${path}" as it is text that begins with ${JSON.stringify(text.slice(0, 30))}: ` +
      (text.startsWith("version https://git-lfs")
        ? 'get the file itself with "git lfs pull"'
        : "get the safetensors file itself"),
  );
}

/**
 * Finds a tensor by name.
 *
 * @throws {SpindleError} Where the source has no such tensor.
 */
export function findTensor(source: TensorSource, name: string): TensorInfo {
  const info = source.tensors.get(name);
  if (info !== undefined) return info;
  const { tensors, path } = source;
  const others = tensors.size > mostNames
    ? `${tensors.size} others`
    : [...tensors.keys()].map((other) => JSON.stringify(other)).join(", ") || "none";
  throw new SpindleError(
    `Cannot find tensor ${JSON.stringify(name)} in "${path}" as it holds ${others}: give a file ` +
      "that has one of that name",
  );
}

function selectRows(
  path: string,
  info: TensorInfo,
  rows: RowRange | undefined,
): { begin: number; byteLength: number } {
  if (rows === undefined) return info;
  const count = info.shape[0] ?? 0;
  const { start, end } = rows;
  const isRange = Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start <= end;
  if (!isRange || end > count) {
    throw new SpindleError(
      `Cannot read rows ${start} to ${end} of tensor ${JSON.stringify(info.name)} in "${path}" ` +
        `as it has ${count} rows: ask for some of those`,
    );
  }
  const rowBytes = count === 0 ? 0 : info.byteLength / count;
  return { begin: info.begin + start * rowBytes, byteLength: (end - start) * rowBytes };
}
