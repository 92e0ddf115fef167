import { Buffer } from "node:buffer";
import { decodeLine, LINE_FEED } from "../data/lines.ts";
import { fileFailure } from "../formats/files.ts";
import { SpindleError } from "../util.ts";

/**
 * Reads lines of UTF-8 text from stdin in groups of at most `most`; an empty line is an empty text.
 * The lines before one that cannot be read come first.
 *
 * @throws {SpindleError} If stdin cannot be read, or a line is not UTF-8.
 */
export async function* readLines(
  stdin: ReadableStream<Uint8Array<ArrayBuffer>>,
  most: number,
): AsyncGenerator<string[]> {
  const lines: string[] = [];
  let number = 1;
  try {
    for await (const line of cutLines(stdin)) {
      lines.push(decodeLine("stdin", number++, line));
      if (lines.length === most) yield lines.splice(0);
    }
  } catch (error) {
    if (lines.length) yield lines;
    throw error;
  }
  if (lines.length) yield lines;
}

/** The bytes of each line, without the line feed. */
async function* cutLines(
  stdin: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<Uint8Array> {
  const parts: Uint8Array[] = [];
  try {
    for await (const piece of stdin) {
      let begin = 0;
      for (let end; (end = piece.indexOf(LINE_FEED, begin)) >= 0; begin = end + 1) {
        yield Buffer.concat([...parts.splice(0), piece.subarray(begin, end)]);
      }
      if (begin < piece.length) parts.push(piece.subarray(begin));
    }
  } catch (error) {
    throw new SpindleError(`Cannot read stdin as ${fileFailure(error)}`, { cause: error });
  }
  if (parts.length) yield Buffer.concat(parts);
}
