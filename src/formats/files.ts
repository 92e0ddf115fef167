import { messageOf, SpindleError } from "../util.ts";

/** Largest piece handed to one read or write call: the system caps a call at 2 GiB. */
const PIECE_BYTES = 1 << 28;

/** Why the system refused a file operation, as the end of a sentence that says what to do. */
export function fileFailure(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "it does not exist: check the path";
  if (error instanceof Deno.errors.PermissionDenied) {
    return "access is denied: check its permissions";
  }
  if (error instanceof Deno.errors.NotCapable) {
    return "Deno was not granted access to it: pass --allow-read and --allow-write";
  }
  const message = messageOf(error);
  if (message.includes("os error 28")) return "the disk is full: free some space";
  return `the system refused: ${message}`;
}

/**
 * Opens a regular file for reading.
 *
 * @param path The file's path.
 * @returns The open file, which the caller closes.
 * @throws {SpindleError} Where there is no such regular file or it cannot be opened.
 */
export function openForReading(path: string): Deno.FsFile {
  try {
    // Opening a named pipe would wait for its writer, so the kind is checked before.
    if (Deno.statSync(path).isFile) return Deno.openSync(path, { read: true });
  } catch (error) {
    throw new SpindleError(`Cannot read "${path}" as ${fileFailure(error)}`, { cause: error });
  }
  throw new SpindleError(`Cannot read "${path}" as it is not a regular file: give a file's path`);
}

/**
 * Reads `length` bytes at `position`.
 *
 * @throws {SpindleError} Where the file ends before, or the system fails.
 */
export function readAt(
  file: Deno.FsFile,
  path: string,
  position: number,
  length: number,
): Uint8Array<ArrayBuffer> {
  const bytes = allocate(path, length);
  let done = 0;
  try {
    file.seekSync(position, Deno.SeekMode.Start);
    while (done < length) {
      const read = file.readSync(bytes.subarray(done, Math.min(length, done + PIECE_BYTES)));
      if (read === null) break;
      done += read;
    }
  } catch (error) {
    throw new SpindleError(`Cannot read "${path}" as ${fileFailure(error)}`, { cause: error });
  }
  if (done < length) {
    throw new SpindleError(
      `Cannot read "${path}" as it ended at byte ${position + done} where ${position + length} ` +
        `were expected: it was cut short while being read`,
    );
  }
  return bytes;
}

function allocate(path: string, length: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(length);
  } catch (error) {
    throw new SpindleError(
      `Cannot read ${length} bytes of "${path}" as they do not fit in memory: read fewer rows`,
      { cause: error },
    );
  }
}

/** Writes all bytes of `data` at the file's current position. */
export function writeAll(file: Deno.FsFile, data: ArrayBufferView): void {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  for (let done = 0; done < bytes.length;) {
    done += file.writeSync(bytes.subarray(done, done + PIECE_BYTES));
  }
}

/** A file to write, and what writes its content. */
export interface NewFile {
  readonly path: string;
  readonly write: (file: Deno.FsFile) => void;
}

/**
 * Writes a file as a whole or not at all: under a temporary name in the same folder, then renamed.
 *
 * @param path The final path; a file that is there is replaced.
 * @param write Writes the content; whatever it throws removes the temporary file.
 * @throws {SpindleError} Where the system refuses, for instance on a full disk, or the path is that
 * of something else than a file.
 */
export function replaceFile(path: string, write: NewFile["write"]): void {
  replaceFiles([{ path, write }]);
}

/** Writes files that belong together like {@linkcode replaceFile}: none before all are written. */
export function replaceFiles(files: readonly NewFile[]): void {
  const renames: { from: string; to: string }[] = [];
  let current = "";
  try {
    for (const { path, write } of files) {
      current = path;
      const to = fileToReplace(path);
      const from = `${to}.${Deno.pid}.tmp`;
      renames.push({ from, to });
      using file = Deno.openSync(from, { write: true, create: true, truncate: true });
      write(file);
      file.syncDataSync();
    }
    for (const { from, to } of renames) {
      current = to;
      Deno.renameSync(from, to);
    }
  } catch (error) {
    for (const { from } of renames) removeIfPresent(from);
    if (error instanceof SpindleError) throw error;
    const reason = error instanceof Deno.errors.NotFound
      ? "its folder does not exist: create it first"
      : fileFailure(error);
    throw new SpindleError(`Cannot write "${current}" as ${reason}`, { cause: error });
  }
}

/**
 * Makes sure that a file can be written, before the work whose result it is to hold.
 *
 * @throws {SpindleError} If it cannot.
 */
export function requireWritable(path: string): void {
  const trial = `${fileToReplace(path)}.${Deno.pid}.trial`;
  replaceFile(trial, () => {});
  removeIfPresent(trial);
}

/** Where a file lies that is to be replaced: behind a link, and nothing but a file. */
function fileToReplace(path: string): string {
  let found: string;
  try {
    found = Deno.realPathSync(path);
  } catch {
    return path; // there is none yet, or what follows says why it cannot be written
  }
  if (Deno.statSync(found).isFile) return found;
  throw new SpindleError(`Cannot write "${path}" as it is not a regular file: give a file's path`);
}

/** Removes a file if it is there and can be removed. */
export function removeIfPresent(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // It was never created, or a failure that is being reported also forbids its removal.
  }
}

/**
 * Reads a text file whole.
 *
 * @throws {SpindleError} Where it cannot be read or is not UTF-8.
 */
export function readUtf8(path: string): string {
  using file = openForReading(path);
  const bytes = readAt(file, path, 0, file.statSync().size);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new SpindleError(`Cannot read "${path}" as it is not valid UTF-8: save it as UTF-8`);
  }
}
