import { SpindleError } from "../util.ts";

/**
 * Reads lines of UTF-8 text in groups of at most `most`; an empty line is an empty text.
 *
 * @throws {SpindleError} If the text is not UTF-8.
 */
export async function* readLines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  most: number,
): AsyncGenerator<string[]> {
  let rest = "";
  const lines: string[] = [];
  try {
    for await (const piece of stream.pipeThrough(new TextDecoderStream("utf-8", { fatal: true }))) {
      const parts = (rest + piece).split("\n");
      rest = parts.pop()!;
      lines.push(...parts.map((line) => line.replace(/\r$/, "")));
      while (lines.length >= most) yield lines.splice(0, most);
    }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new SpindleError("Cannot read stdin as it is not valid UTF-8: convert it first");
  }
  if (rest) lines.push(rest);
  if (lines.length) yield lines;
}
