import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { readWhole } from "../formats/files.ts";
import { SpindleError } from "../util.ts";

/** One line of a text file. */
export interface Line {
  /** Its number, from 1. */
  readonly number: number;
  /** Its text, without the line end. */
  readonly text: string;
}

/** The bytes that end lines. */
export const lineFeed = 10;
/** What stands before a line feed in files from Windows. */
export const carriageReturn = 13;

/**
 * Reads a file whole, unpacked where its name ends in `.gz`, in whatever case.
 *
 * @throws {SpindleError} Where it cannot be read or unpacked, or is empty.
 */
export async function readUnpacked(path: string): Promise<Uint8Array> {
  const bytes = readWhole(path);
  const content = /\.gz$/i.test(path) ? await unpack(path, bytes) : bytes;
  if (content.length > 0) return content;
  throw new SpindleError(`Cannot read "${path}" as it is empty: labelled texts are needed`);
}

async function unpack(path: string, bytes: Uint8Array): Promise<Uint8Array> {
  try {
    // A gzip file may have several members, which a DecompressionStream does not take.
    return await promisify(gunzip)(bytes);
  } catch (error) {
    throw new SpindleError(`Cannot read "${path}" as it is not a whole gzip file: get it anew`, {
      cause: error,
    });
  }
}

/**
 * Cuts a text file into lines, which end in LF or CR LF; a byte order mark is left out.
 *
 * @param path The file's path, for messages.
 * @param bytes Its content.
 * @returns The lines in their order.
 * @throws {SpindleError} Where a line is not UTF-8.
 */
export function* decodeLines(path: string, bytes: Uint8Array): Generator<Line> {
  for (let begin = 0, number = 1; begin < bytes.length; number++) {
    const feed = bytes.indexOf(lineFeed, begin);
    const end = feed < 0 ? bytes.length : feed;
    yield { number, text: decodeLine(`"${path}"`, number, bytes.subarray(begin, end)) };
    begin = end + 1;
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The text of a line, without the CR that may end it; of the first one without a byte order mark.
 *
 * @param source What messages call the text that it is of.
 * @param number Its number, from 1.
 * @param bytes Its bytes, without the line feed.
 * @throws {SpindleError} Where it is not UTF-8.
 */
export function decodeLine(source: string, number: number, bytes: Uint8Array): string {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    throw new SpindleError(
      `Cannot read ${source} as its line ${number} is not valid UTF-8: save it as UTF-8`,
    );
  }
  if (number === 1 && text.startsWith("\uFEFF")) text = text.slice(1);
  return text.endsWith("\r") ? text.slice(0, -1) : text;
}

/** What is wrong with a line of a file. */
export function refuseLine(path: string, line: number, reason: string): SpindleError {
  return new SpindleError(`Cannot read "${path}" as its line ${line} ${reason}`);
}
