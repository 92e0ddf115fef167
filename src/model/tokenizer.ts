import { join } from "node:path";
import { Tokenizer as Library } from "npm:@huggingface/tokenizers@0.2.0";
import { exists } from "../formats/files.ts";
import { readJsonObject } from "../formats/json.ts";
import { beginningOf, messageOf, SpindleError } from "../util.ts";
import { readCharsmap } from "./charsmap.ts";
import { faithfulDefinition, spaceAtEnd, spaceAtStart, stepsOf } from "./tokenizer_definition.ts";

/** Texts as token ids. */
export interface Encoding {
  /** For each text its token ids, special tokens included. */
  readonly ids: number[][];
  /** How many texts were longer than allowed and lost their ends. */
  readonly truncated: number;
}

/** Turns texts into token ids as the model's own tokenizer does. */
export interface Tokenizer {
  /**
   * The most tokens that the folder's configuration allows a text; infinite where it says nothing.
   */
  readonly maxTokens: number;
  /**
   * Encodes texts, each on its own and with its special tokens. A text that is too long loses its
   * last tokens but keeps the special tokens that close it. An empty text has special tokens only;
   * unpaired surrogates are read as U+FFFD.
   *
   * @param texts The texts.
   * @param options `maxTokens`: the most tokens of a text, special tokens included; a lower limit
   * of the tokenizer itself prevails.
   * @returns The token ids.
   * @throws {SpindleError} Where the special tokens alone exceed `maxTokens`, or a part of a text
   * has no token.
   */
  encode(texts: readonly string[], options?: { maxTokens?: number }): Encoding;
}

/** What the library's normalizers have, alone and in a sequence. */
interface Normalizer {
  readonly config: { readonly precompiled_charsmap?: string | null };
  readonly normalizers?: readonly Normalizer[];
  normalize(text: string): string;
}

/** What the library has of the added tokens, which it looks for before and after normalizing. */
interface AddedTokens {
  readonly added_tokens_map: ReadonlyMap<string, AddedToken>;
  readonly splitter_unnormalized: Splitter;
  readonly splitter_normalized: Splitter;
}

/** An added token, and whether it takes the white space before and after it. */
interface AddedToken {
  readonly normalized: boolean;
  lstrip: boolean;
  rstrip: boolean;
}

/** Parts a text into added tokens and what lies between them. */
interface Splitter {
  split(text: string): string[];
}

/** The special tokens that the tokenizer puts around every text. */
interface Frame {
  readonly prefix: number[];
  readonly suffix: number[];
}

/**
 * Guesses at how much of a long text its tokens take; where too few come out the next is tried.
 * Only a text with a token less often than every 128 characters, such as one of blanks, loses some.
 */
const charactersPerToken = [8, 32, 128];

/** Tokens this close to where a long text was cut may differ from those of the whole text. */
const spareTokens = 64;

/**
 * Loads the tokenizer of a model: `tokenizer.json` and, where present, `tokenizer_config.json`.
 *
 * Truncation and padding that `tokenizer.json` asks for are left aside: they belong to whoever
 * calls {@linkcode Tokenizer.encode}.
 *
 * @param folder The model's folder.
 * @returns The tokenizer.
 * @throws {SpindleError} Where the files are missing, broken or of an unknown kind.
 */
export function loadTokenizer(folder: string): Tokenizer {
  const path = join(folder, "tokenizer.json");
  const configPath = join(folder, "tokenizer_config.json");
  const definition = readJsonObject(path);
  const config = exists(configPath) ? readJsonObject(configPath) : {};
  let library: Library;
  let frame: Frame;
  let repair: (text: string) => string;
  try {
    const faithful = faithfulDefinition(definition, config);
    library = new Library(faithful, config);
    joinUnknown(library.model);
    mapCharacters(library.normalizer as Normalizer | null);
    trimBesideTokens(library as unknown as AddedTokens);
    frame = findFrame(library);
    repair = textRepair(faithful["normalizer"]);
  } catch (error) {
    throw new SpindleError(
      `Cannot use "${path}" as ${
        messageOf(error)
      }: a tokenizer of another kind, or token ids made ` +
        "by other means, are needed",
      { cause: error },
    );
  }
  const maxTokens = configuredLimit(config["model_max_length"]);
  const tokenize = (text: string) => tokenizeWhole(library, path, repair(text));
  return {
    maxTokens,
    encode: (texts, options = {}) =>
      encodeAll(texts, Math.min(maxTokens, options.maxTokens ?? Infinity), frame, tokenize),
  };
}

/**
 * Makes a run of unknown tokens one. Models that ask for it get it from the library too, but in
 * time that grows with the square of the run: seconds for a text in a script that a model does not
 * know.
 */
function joinUnknown(model: Library["model"]): void {
  if (!model?.fuse_unk) return;
  const { tokens_to_ids: ids, unk_token_id: unknown } = model;
  const isUnknown = (token: string | undefined) =>
    token !== undefined && (ids.get(token) ?? unknown) === unknown;
  const encode = model.encode.bind(model);
  model.encode = (words) =>
    encode(words).filter((token, i, all) => !(isUnknown(token) && isUnknown(all[i - 1])));
}

/** The library has one map of characters for all models, which is near those of T5 and XLM-R. */
function mapCharacters(step: Normalizer | null): void {
  step?.normalizers?.forEach(mapCharacters);
  const map = step?.config.precompiled_charsmap;
  if (step && map) step.normalize = readCharsmap(map);
}

/** Added tokens that take the white space beside them take Unicode's, and no other token. */
function trimBesideTokens(library: AddedTokens): void {
  const tokens = [...library.added_tokens_map].map(([text, token]) =>
    [text, { ...token }] as const
  );
  for (const token of library.added_tokens_map.values()) token.lstrip = token.rstrip = false;
  const ofKind = (kind: boolean) =>
    new Map(tokens.filter(([, token]) => token.normalized === kind));
  trimParts(library.splitter_unnormalized, ofKind(false));
  trimParts(library.splitter_normalized, ofKind(true));
}

function trimParts(splitter: Splitter, tokens: ReadonlyMap<string | undefined, AddedToken>): void {
  const [start, end] = [new RegExp(spaceAtStart, "u"), new RegExp(spaceAtEnd, "u")];
  const split = splitter.split.bind(splitter);
  splitter.split = (text) =>
    split(text).map((part, i, parts) => {
      if (tokens.has(part)) return part;
      const rest = tokens.get(parts[i - 1])?.rstrip ? part.replace(start, "") : part;
      return tokens.get(parts[i + 1])?.lstrip ? rest.replace(end, "") : rest;
    });
}

/** A limit that is no count of tokens, such as the 1e30 of many files, means that there is none. */
function configuredLimit(value: unknown): number {
  return Number.isSafeInteger(value) && Number(value) > 0 ? Number(value) : Infinity;
}

function tokenizeWhole(library: Library, path: string, text: string): number[] {
  try {
    const { ids } = library.encode(text, { add_special_tokens: false });
    if (ids.every(Number.isInteger)) return ids;
  } catch (error) {
    // The library passes the tokens of a word as arguments of a call, which takes only so many.
    if (!(error instanceof RangeError)) throw error;
    throw new SpindleError(
      `Cannot tokenize a text of ${text.length} characters at once: allow fewer tokens`,
      { cause: error },
    );
  }
  throw new SpindleError(
    `Cannot tokenize ${JSON.stringify(beginningOf(text))}: "${path}" has no token for a part of it`,
  );
}

function encodeAll(
  texts: readonly string[],
  maxTokens: number,
  frame: Frame,
  tokenize: (text: string) => number[],
): Encoding {
  const { prefix, suffix } = frame;
  const room = maxTokens - prefix.length - suffix.length;
  if (!(room >= 0)) {
    throw new SpindleError(
      `Cannot encode texts in ${maxTokens} tokens as the special tokens alone are ` +
        `${prefix.length + suffix.length}: allow more tokens`,
    );
  }
  const encoding = { ids: [] as number[][], truncated: 0 };
  for (const text of texts) {
    const { tokens, isWhole } = tokenizeHead(text, room, tokenize);
    if (!isWhole) encoding.truncated++;
    encoding.ids.push([...prefix, ...tokens, ...suffix]);
  }
  return encoding;
}

/** The first `room` tokens of a text, without tokenizing much more of it: that would be slow. */
function tokenizeHead(
  text: string,
  room: number,
  tokenize: (text: string) => number[],
): { tokens: number[]; isWhole: boolean } {
  const enough = room + spareTokens;
  let head = "";
  let tokens: number[] = [];
  for (const perToken of charactersPerToken) {
    head = headOf(text, enough * perToken);
    tokens = tokenize(head);
    if (head.length === text.length || tokens.length >= enough) break;
  }
  const isWhole = head.length === text.length && tokens.length <= room;
  return { tokens: tokens.slice(0, room), isWhole };
}

/** At most `length` characters of a text, ending before a space where one is near. */
function headOf(text: string, length: number): string {
  if (text.length <= length) return text;
  for (let end = length; end > length / 2; end--) {
    if (/^\S\s$/.test(text.slice(end - 1, end + 1))) return text.slice(0, end);
  }
  const splitsPair = text.codePointAt(length - 1)! > 0xffff;
  return text.slice(0, splitsPair ? length - 1 : length);
}

/** Finds the special tokens around a text by encoding a short one with and without them. */
function findFrame(library: Library): Frame {
  for (const text of ["a", "the", "1", "."]) {
    const whole = library.encode(text, { return_token_type_ids: true });
    const bare = library.encode(text, { add_special_tokens: false }).ids;
    if (whole.token_type_ids?.some((type) => type !== 0)) {
      throw new Error("it puts a text into another segment than the first");
    }
    const starts = occurrences(whole.ids, bare);
    const start = starts[0];
    if (bare.length === 0 || start === undefined || starts.length > 1) continue;
    const end = start + bare.length;
    return { prefix: whole.ids.slice(0, start), suffix: whole.ids.slice(end) };
  }
  throw new Error("its special tokens cannot be told from a text's");
}

/** Where `part` lies in `whole`. */
function occurrences(whole: number[], part: number[]): number[] {
  const starts: number[] = [];
  for (let start = 0; start + part.length <= whole.length; start++) {
    if (part.every((id, i) => whole[start + i] === id)) starts.push(start);
  }
  return starts;
}

/** What a text must go through so that the library's normalizer gives what the original gives. */
function textRepair(normalizer: unknown): (text: string) => string {
  const steps = stepsOf(normalizer, "normalizers");
  const lowercases = steps.some(({ type, lowercase }) =>
    type === "Lowercase" || lowercase === true
  );
  const spacesIdeographs = steps.some((step) => step["handle_chinese_chars"] === true);
  return (text) => {
    let result = text.toWellFormed();
    // The original lowercases letter by letter; toLowerCase() gives a word's last Σ its own form.
    if (lowercases) result = result.replaceAll("Σ", "σ");
    // The library misses the ideographs that take two UTF-16 units.
    if (spacesIdeographs) result = result.replace(rareIdeograph, " $& ");
    return result;
  };
}

const rareIdeograph = // As in the original, whose gap from U+2B820 to U+2B91F is no mistake here.
  /[\u{20000}-\u{2a6df}\u{2a700}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/gu;
