import { isJsonObject, type JsonObject } from "../formats/json.ts";

/**
 * What a tokenizer.json must say so that the library gives what the original gives: options of
 * tokenizer_config.json that go before it are put in, and what the library reads more loosely than
 * the original is said in other words.
 *
 * @param definition The content of tokenizer.json.
 * @param config That of tokenizer_config.json.
 * @throws {Error} Where the library cannot do what it says.
 */
export function faithfulDefinition(definition: JsonObject, config: JsonObject): JsonObject {
  const { model, added_tokens: added = [] } = definition;
  if (!isJsonObject(model)) throw new Error("it has no model");
  requireKnownModel(model);
  if (Array.isArray(added) && added.some((token) => token.single_word === true)) {
    throw new Error("its added tokens are single words");
  }
  return {
    // The library wants each of these keys to be there; the format lets writers leave them out.
    post_processor: null,
    decoder: null,
    ...definition,
    added_tokens: added,
    normalizer: eachStep(
      definition["normalizer"],
      "normalizers",
      (step) => faithfulNormalizer(step, config),
    ),
    pre_tokenizer: eachStep(
      definition["pre_tokenizer"],
      "pretokenizers",
      (step) => faithfulSplit(step, config),
    ),
  };
}

/** The steps of a normalizer or pre-tokenizer, also where they stand in sequences. */
export function stepsOf(step: unknown, list: "normalizers" | "pretokenizers"): JsonObject[] {
  if (!isJsonObject(step)) return [];
  const steps = step[list];
  return Array.isArray(steps) ? steps.flatMap((each) => stepsOf(each, list)) : [step];
}

/**
 * Replaces each step. Where there is none the sequence is empty and not null, by which the library
 * would look for normalized added tokens together with the others and not after them.
 */
function eachStep(
  step: unknown,
  list: "normalizers" | "pretokenizers",
  replace: (step: JsonObject) => JsonObject[],
): JsonObject {
  return { type: "Sequence", [list]: stepsOf(step, list).flatMap(replace) };
}

/** Where these stand in tokenizer_config.json, they hold and not what tokenizer.json says. */
function bertOptions(config: JsonObject): JsonObject {
  const options = {
    lowercase: config["do_lower_case"],
    strip_accents: config["strip_accents"],
    handle_chinese_chars: config["tokenize_chinese_chars"],
  };
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function requireKnownModel({ type, vocab, ...model }: JsonObject): void {
  const prefix = model["continuing_subword_prefix"];
  if (type === "BPE" && prefix) throw new Error(`its BPE has the prefix ${JSON.stringify(prefix)}`);
  if (type === "BPE" && model["dropout"]) throw new Error("its BPE drops merges at random");
  if (type === "Unigram" && model["byte_fallback"]) {
    throw new Error("its Unigram model falls back to bytes");
  }
  if (type === "WordLevel") throw new Error("its model is a list of words");
  // Older files do not say which of these it is.
  if (![undefined, "BPE", "Unigram", "WordPiece"].some((known) => known === type)) {
    throw new Error(`its model is of the kind ${JSON.stringify(type)}`);
  }
  const tokens = Array.isArray(vocab) ? vocab : isJsonObject(vocab) ? Object.keys(vocab) : [];
  if (tokens.length === 0) throw new Error("its model has no vocabulary");
}

/** Unicode's letters, digits and joiners of words, and its white space: `\w` and `\s` there. */
const word = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\u200c\\u200d";
const space = "\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const punctuation = "[!-/:-@\\[-`{-~\\p{P}]";
const gpt2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+" +
  `| ?[^${space}\\p{L}\\p{N}]+|[${space}]+(?![^${space}])|[${space}]+`;

/** White space at a text's start, as a pattern of tokenizer.json, whose `^` is that of a line. */
export const spaceAtStart = `(?<![\\s\\S])[${space}]+`;
/** The same at its end: a run of blanks elsewhere is not read anew from each of them. */
export const spaceAtEnd = `(?<![${space}])[${space}]+(?![\\s\\S])`;

/** Splits where the pattern matches; what matches is kept as a piece of its own, or left out. */
const split = (Regex: string, behavior: "Isolated" | "Removed", invert = false): JsonObject => (
  { type: "Split", pattern: { Regex }, behavior, invert }
);

const words = split(`[^${space}]+`, "Removed", true);

/** Puts a space before a piece that does not begin with one. */
const spaceBefore: JsonObject = { type: "Metaspace", replacement: " ", prepend_scheme: "always" };

function faithfulNormalizer(step: JsonObject, config: JsonObject): JsonObject[] {
  const { type, strip_left: left, strip_right: right } = step;
  if (type === "BertNormalizer") return [{ ...step, ...bertOptions(config) }];
  if (type !== "Strip") return [step];
  const remove = (Regex: string) => ({ type: "Replace", pattern: { Regex }, content: "" });
  return [...(left ? [remove(spaceAtStart)] : []), ...(right ? [remove(spaceAtEnd)] : [])];
}

function faithfulSplit(step: JsonObject, config: JsonObject): JsonObject[] {
  const { type, behavior = "Isolated" } = step;
  if (type === "Whitespace") return [split(`[${word}]+|[^${word}${space}]+`, "Removed", true)];
  if (type === "WhitespaceSplit") return [words];
  if (type === "BertPreTokenizer") return [words, split(punctuation, "Isolated")];
  if (type === "Digits") {
    return [split(`\\p{N}${step["individual_digits"] ? "" : "+"}`, "Isolated")];
  }
  if (type === "ByteLevel") {
    return [
      ...(config["add_prefix_space"] ?? step["add_prefix_space"] ? [spaceBefore] : []),
      ...(step["use_regex"] ?? true ? [split(gpt2, "Isolated")] : []),
      { ...step, add_prefix_space: false, use_regex: false },
    ];
  }
  if (type !== "Split" && type !== "Punctuation") return [step];
  const pattern = type === "Split" ? patternOf(step["pattern"]) : punctuation;
  const inverted = step["invert"] === true;
  switch (behavior) {
    case "Isolated":
      return [split(pattern, "Isolated")];
    case "Removed":
      return [split(pattern, "Removed", inverted)];
    case "MergedWithPrevious":
    case "MergedWithNext":
      if (new RegExp(pattern, "u").test("")) {
        throw new Error(`its ${type} has a pattern that nothing matches too`);
      }
      return [split(merged(pattern, (behavior === "MergedWithNext") !== inverted), "Isolated")];
  }
  throw new Error(`its ${type} has the behavior ${JSON.stringify(behavior)}`);
}

/** A match with what follows until the next one, or with what lies between it and the last one. */
function merged(pattern: string, withNext: boolean): string {
  const match = `(?:${pattern})`;
  const other = `(?:(?!${match})[\\s\\S])`;
  // With "*" and no choice, a text without a match would be read once for each of its characters.
  return withNext ? `${match}${other}*` : `${other}+${match}?|${match}`;
}

function patternOf(pattern: unknown): string {
  const { Regex, String: text } = isJsonObject(pattern) ? pattern : {};
  if (typeof Regex === "string") return Regex.replaceAll(/\(\?i:[^()[\]\\]*\)/g, withFoldings);
  if (typeof text === "string") return RegExp.escape(text);
  throw new Error("its Split has no pattern");
}

/** Two letters beyond ASCII are forms of s and k where a pattern asks for either case. */
function withFoldings(group: string): string {
  return group.replaceAll(/s/gi, "[sS\\u017f]").replaceAll(/k/gi, "[kK\\u212a]");
}
