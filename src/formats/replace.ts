import { registerCleanUp } from "../clean_up.ts";
import { nextTurn, SpindleError } from "../util.ts";
import { cannot, fileFailure, isNamed, removeIfPresent, writeAll } from "./files.ts";

/** A file to write. */
export interface NewFile {
  readonly path: string;
  readonly bytes: number;
  /** What it is to hold, piece by piece, each made when its turn to be written has come. */
  readonly content: Iterable<ArrayBufferView>;
}

/** Told how many bytes are written, and how many there are. */
export type WriteProgress = (done: number, total: number) => void;

/** So many bytes are written before the disk must have taken them. */
const unsyncedBytes = 2 ** 26;

/** What {@linkcode requireWritable} writes: a disk without room often still takes an empty file. */
const trialBytes = 2 ** 18;

/** At most so many programs write to the same path at once. */
const mostWriters = 100;

/** A text to write as a file. */
export function textFile(path: string, text: string): NewFile {
  const content = new TextEncoder().encode(text);
  return { path, bytes: content.byteLength, content: [content] };
}

/**
 * Writes a text file as a whole or not at all: under a temporary name in the same folder, then
 * renamed.
 *
 * @param path The final path; a file that is there is replaced.
 * @throws {SpindleError} Where the system refuses, for instance on a full disk, or the path is that
 * of something else than a file.
 */
export function replaceFile(path: string, text: string): void {
  replaceFiles([textFile(path, text)]);
}

/** Writes files that belong together like {@linkcode replaceFile}: none before all are written. */
export function replaceFiles(files: readonly NewFile[]): void {
  for (const _ of replacing(files));
}

/** Does what {@linkcode replaceFiles} does, with turns for others between the pieces. */
export async function replaceLargeFiles(
  files: readonly NewFile[],
  onProgress?: WriteProgress,
): Promise<void> {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  for (const bytes of replacing(files)) {
    onProgress?.(done += bytes, total);
    await nextTurn();
  }
}

/** Replaces files; gives the bytes of each piece that is written. */
function* replacing(files: readonly NewFile[]): Generator<number> {
  using owned = new DisposableStack();
  const written: TemporaryFile[] = [];
  let current = "";
  try {
    for (const { path, content } of files) {
      current = path;
      const temporary = owned.use(openTemporary(path));
      written.push(temporary);
      let unsynced = 0;
      for (const piece of content) {
        writeAll(temporary.file, piece);
        unsynced += piece.byteLength;
        if (unsynced >= unsyncedBytes) {
          temporary.file.syncDataSync();
          unsynced = 0;
        }
        yield piece.byteLength;
      }
      temporary.file.syncDataSync();
    }
    written.forEach((temporary, i) => {
      current = files[i]!.path;
      temporary.rename();
    });
  } catch (error) {
    throw cannotWrite(current, error);
  }
}

/**
 * Makes sure that a file can be written, before the work whose result it is to hold. A file that is
 * there stays as it is.
 *
 * @throws {SpindleError} If it cannot.
 */
export function requireWritable(path: string): void {
  try {
    using temporary = openTemporary(path);
    writeAll(temporary.file, new Uint8Array(trialBytes));
    temporary.file.syncDataSync();
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

function cannotWrite(path: string, error: unknown): SpindleError {
  return cannot(
    `write "${path}"`,
    error,
    error instanceof Deno.errors.NotFound
      ? "its folder does not exist: create it first"
      : fileFailure(error),
  );
}

/** A file under a temporary name; disposing it removes it, unless it was renamed. */
interface TemporaryFile extends Disposable {
  readonly file: Deno.FsFile;
  /** Gives it the name of the file that it is to replace. */
  rename(): void;
}

/**
 * Opens a temporary file for what is to be written to a path. What a program left that was killed
 * is overwritten; where another one is writing to the same path, the next name is taken.
 */
function openTemporary(path: string): TemporaryFile {
  const to = fileToReplace(path);
  for (let i = 0; i < mostWriters; i++) {
    const from = `${to}.${i}.tmp`;
    using onFailure = new DisposableStack();
    const file = onFailure.use(Deno.openSync(from, { write: true, create: true }));
    if (!isOwn(file, from)) continue;
    file.truncateSync();
    onFailure.move();
    let isRenamed = false;
    // The lock ends with the file, so that it stays open until the name is free again.
    const removed = registerCleanUp(() => removeIfPresent(from));
    return {
      file,
      rename() {
        Deno.renameSync(from, to);
        isRenamed = true;
      },
      [Symbol.dispose]() {
        removed[Symbol.dispose]();
        if (!isRenamed) removeIfPresent(from);
        file.close();
      },
    };
  }
  throw new SpindleError(`Cannot write "${path}" as others are writing it: wait for them to end`);
}

/** Whether a file is locked for this program alone, and its name neither a link nor of another. */
function isOwn(file: Deno.FsFile, name: string): boolean {
  try {
    if (!file.tryLockSync(true)) return false;
  } catch {
    // A disk that knows no locks.
  }
  return isNamed(file, name);
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
  throw new SpindleError(`Cannot write "${path}" as it is not a regular file: name another one`);
}
