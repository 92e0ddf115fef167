import { messageOf, SpindleError } from "../util.ts";
import { readUtf8 } from "./files.ts";

/** A parsed JSON object: own properties only, whatever their names. */
export type JsonObject = { readonly [key: string]: unknown };

/** Whether a parsed JSON value is an object, and neither `null` nor an array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Parses JSON and rejects repeated keys, of which `JSON.parse` silently keeps the last.
 *
 * @param text The JSON text.
 * @param reviver As `JSON.parse` takes it.
 * @returns The parsed value.
 * @throws {SyntaxError} Where the text is not JSON or an object repeats a key.
 * @throws {RangeError} Where values are nested deeper than a reviver can follow.
 */
export function parseStrictJson(text: string, reviver?: Reviver): unknown {
  const value = parseJson(text, reviver);
  const repeated = firstRepeatedKey(text);
  if (repeated !== undefined) throw new SyntaxError(`key ${JSON.stringify(repeated)} is repeated`);
  return value;
}

/** The value of a JSON text; undefined where it is none. */
export function parsedOrUndefined(text: string): unknown {
  try {
    return parseStrictJson(text);
  } catch {
    return undefined;
  }
}

/** Is shown each value with the text that it was parsed from, and gives what is to stand there. */
type Reviver = (key: string, value: unknown, context: { source?: string }) => unknown;

function parseJson(text: string, reviver?: Reviver): unknown {
  try {
    return JSON.parse(text, reviver as Parameters<typeof JSON.parse>[1]);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // The message quotes a part of the text, line ends included, but ours are of one line.
    throw new SyntaxError(messageOf(error));
  }
}

/**
 * The first key that an object repeats; `text` is known to be JSON, so brackets and quotes match.
 */
function firstRepeatedKey(text: string): string | undefined {
  const openObjects: Set<string>[] = [];
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "{") openObjects.push(new Set());
    else if (text[i] === "}") openObjects.pop();
    else if (text[i] === '"') {
      const start = i;
      i = closingQuote(text, start);
      if (!isKey(text, i)) continue;
      const key: string = JSON.parse(text.slice(start, i + 1));
      const keys = openObjects.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return undefined;
}

function closingQuote(text: string, openingQuote: number): number {
  let i = openingQuote + 1;
  while (text[i] !== '"') i += text[i] === "\\" ? 2 : 1;
  return i;
}

/**
 * Whether the string that ends at `quote` is an object's key: only keys are followed by a colon.
 */
function isKey(text: string, quote: number): boolean {
  let i = quote + 1;
  while (text[i] === " " || text[i] === "\n" || text[i] === "\r" || text[i] === "\t") i++;
  return text[i] === ":";
}

/**
 * Reads a JSON file that holds an object.
 *
 * @param path The file's path.
 * @returns The object.
 * @throws {SpindleError} Where it cannot be read or holds something else.
 */
export function readJsonObject(path: string): JsonObject {
  const text = readUtf8(path);
  let value: unknown;
  try {
    value = parseStrictJson(text);
  } catch (error) {
    throw new SpindleError(
      `Cannot read "${path}" as it is not valid JSON (${messageOf(error)}): get the file anew`,
    );
  }
  if (isJsonObject(value)) return value;
  throw new SpindleError(`Cannot read "${path}" as it is not a JSON object: get the file anew`);
}
