import { messageOf, SpindleError } from "../util.ts";

/**
 * Checks a path that a caller without types can get wrong, such as by a URL.
 *
 * @param what What lies there, such as "the classifier".
 * @throws {SpindleError} If it is no text.
 */
export function requirePath(what: string, path: unknown): void {
  if (typeof path === "string") return;
  throw new SpindleError(`Cannot use ${Deno.inspect(path)} for ${what}: give its path as a text`);
}

/** Largest piece handed to one read or write call: the system caps a call at 2 GiB. */
const pieceBytes = 1 << 28;

/** Why the system refused a file operation, as the end of a sentence that says what to do. */
export function fileFailure(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "it does not exist: check the path";
  if (error instanceof Deno.errors.PermissionDenied) {
    return "access is denied: check its permissions";
  }
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder: give a file";
  const message = messageOf(error);
  if (error instanceof Deno.errors.NotCapable) {
    const [, access = "all"] = /^Requires (\w+) access/.exec(message) ?? [];
    return access === "all"
      ? "Deno protects that path: choose another one, or pass --allow-all"
      : `Deno was not granted access to it: pass --allow-${access}`;
  }
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return failures.get(code) ?? `the system refused: ${message}`;
}

const failures = new Map([
  ["ENOSPC", "the disk is full: free some space"],
  ["EROFS", "its disk can only be read: choose another one"],
  ["ENOTDIR", "a part of the path is not a folder: check the path"],
  ["ENAMETOOLONG", "the name is too long: choose a shorter one"],
]);

/**
 * What the system refused as an error for the user; one that already is such stays as it is.
 *
 * @param what What was tried, such as `read "FILE"`.
 * @param error What was thrown.
 * @param reason Why, where more is known than {@linkcode fileFailure} tells.
 */
export function cannot(what: string, error: unknown, reason = fileFailure(error)): SpindleError {
  if (error instanceof SpindleError) return error;
  return new SpindleError(`Cannot ${what} as ${reason}`, { cause: error });
}

/** Does what the system may refuse, see {@linkcode cannot}. */
export function guarded<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw cannot(what, error);
  }
}

/** Whether there is a file or folder at a path, see {@linkcode lookAt}. */
export function exists(path: string): boolean {
  return lookAt(path) !== undefined;
}

/**
 * What there is at a path; undefined where there is nothing.
 *
 * @throws {SpindleError} Where the system does not tell.
 */
export function lookAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    const { NotFound, NotADirectory } = Deno.errors;
    if (error instanceof NotFound || error instanceof NotADirectory) return undefined;
    throw cannot(`look for "${path}"`, error);
  }
}

/**
 * Whether two paths lead to the same file or folder.
 *
 * @throws {SpindleError} Where the system does not tell.
 */
export function isSame(one: string, other: string): boolean {
  return exists(one) && exists(other) && Deno.realPathSync(one) === Deno.realPathSync(other);
}

/**
 * Whether an open file is still the one of a name, and the name that of no link. Windows does not
 * tell files apart: there it is whether a file has the name.
 */
export function isNamed(file: Deno.FsFile, name: string): boolean {
  try {
    const { isFile, ino, dev } = Deno.lstatSync(name);
    if (!isFile || Deno.build.os === "windows") return isFile;
    const own = file.statSync();
    return ino === own.ino && dev === own.dev;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
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
    // What stands in the place of a byte that no letter has.
    const reason = error instanceof Deno.errors.NotFound && path.includes("\uFFFD")
      ? "a name in it is not UTF-8: rename that file or folder"
      : fileFailure(error);
    throw cannot(`read "${path}"`, error, reason);
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
  guarded(`read "${path}"`, () => {
    file.seekSync(position, Deno.SeekMode.Start);
    while (done < length) {
      const read = file.readSync(bytes.subarray(done, Math.min(length, done + pieceBytes)));
      if (read === null) break;
      done += read;
    }
  });
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
    done += file.writeSync(bytes.subarray(done, done + pieceBytes));
  }
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
 * Reads a file whole.
 *
 * @throws {SpindleError} Where it cannot be read.
 */
export function readWhole(path: string): Uint8Array<ArrayBuffer> {
  using file = openForReading(path);
  return readAt(file, path, 0, file.statSync().size);
}

/**
 * Reads a text file whole.
 *
 * @throws {SpindleError} Where it cannot be read or is not UTF-8.
 */
export function readUtf8(path: string): string {
  const bytes = readWhole(path);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new SpindleError(`Cannot read "${path}" as it is not valid UTF-8: save it as UTF-8`);
  }
}
