import { Buffer } from "node:buffer";
import { decodeLine, lineFeed } from "../data/lines.ts";
import { cannot } from "../formats/files.ts";

/**
 * Milliseconds that a group waits for more lines in all: more than a pipe takes to give what it
 * holds.
 */
const longestWait = 20;

/**
 * Reads lines of UTF-8 text from stdin in groups of at most `most`, fewer where no more have come;
 * an empty line is an empty text. The lines before one that cannot be read come first.
 *
 * @throws {SpindleError} If stdin cannot be read, or a line is not UTF-8.
 */
export async function* readLines(
  stdin: ReadableStream<Uint8Array<ArrayBuffer>>,
  most: number,
): AsyncGenerator<string[]> {
  const pieces = cutLines(stdin);
  const lines: string[] = [];
  let number = 1;
  let deadline: number | undefined;
  const group = () => {
    deadline = undefined;
    return lines.splice(0);
  };
  try {
    for (let next = pieces.next();;) {
      const { value: piece, done } = await next;
      if (done) break;
      next = pieces.next(); // read while the caller works
      next.catch(() => {}); // it is awaited later
      for (const line of piece) {
        lines.push(decodeLine("stdin", number++, line));
        if (lines.length === most) yield group();
      }
      if (lines.length === 0) continue;
      deadline ??= performance.now() + longestWait;
      if (!await settles(next, deadline - performance.now())) yield group();
    }
  } catch (error) {
    if (lines.length) yield lines;
    throw error;
  }
  if (lines.length) yield lines;
}

/** Whether a promise settles within some milliseconds. */
async function settles(promise: Promise<unknown>, milliseconds: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, milliseconds), false);
  });
  const settled = promise.then(() => true, () => true);
  try {
    return await Promise.race([settled, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The bytes of the lines that each piece of a stream ends, without the line feeds. */
async function* cutLines(
  stdin: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<Uint8Array[]> {
  const parts: Uint8Array[] = [];
  try {
    for await (const piece of stdin) {
      const lines: Uint8Array[] = [];
      let begin = 0;
      for (let end; (end = piece.indexOf(lineFeed, begin)) >= 0; begin = end + 1) {
        lines.push(Buffer.concat([...parts.splice(0), piece.subarray(begin, end)]));
      }
      if (begin < piece.length) parts.push(piece.subarray(begin));
      yield lines;
    }
  } catch (error) {
    throw cannot("read stdin", error);
  }
  if (parts.length) yield [Buffer.concat(parts)];
}
