import assert from "node:assert/strict";
import { loadTokenizer } from "../../src/model/tokenizer.ts";
import { SpindleError } from "../../src/util.ts";
import components from "./tokenizer_components.json" with { type: "json" };
import { byteLevel, special, unigram, withTokenizer } from "./tokenizers.ts";

for (const { name, definition, texts } of components.cases) {
  Deno.test(`encode() gives the ids of the reference for a tokenizer with ${name}`, () => {
    const model = components[definition.model as "letters" | "bytes"];
    withTokenizer({ ...definition, model }, undefined, (folder) => {
      const tokenizer = loadTokenizer(folder);
      for (const [text, ids] of texts as [string, number[]][]) {
        assert.deepEqual(tokenizer.encode([text]).ids, [ids], JSON.stringify(text));
      }
    });
  });
}

const blanks = `a${" ".repeat(300_000)}b`;
const longRuns: [string, Record<string, unknown>, string][] = [
  ["pieces that end where nothing occurs", {
    pre_tokenizer: {
      type: "Split",
      pattern: { String: "x" },
      behavior: "MergedWithPrevious",
    },
  }, "a".repeat(300_000)],
  [
    "Strip",
    { normalizer: { type: "Strip", strip_left: true, strip_right: true } },
    blanks,
  ],
  [
    "an added token that takes the blanks before it",
    { added_tokens: [{ ...special(27, "!"), lstrip: true }] },
    `${blanks}!`,
  ],
];

for (const [what, definition, text] of longRuns) {
  // A pattern that is tried from each character, each time to the end, would take many minutes.
  Deno.test(`encode() reads a long run once for a tokenizer with ${what}`, () =>
    withTokenizer({ ...byteLevel, ...definition }, undefined, (folder) => {
      assert.equal(loadTokenizer(folder).encode([text]).ids[0]!.length, text.length);
    }));
}

Deno.test("what tokenizer_config.json says goes before tokenizer.json", () => {
  const { letters } = components;
  const bert = {
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    model: letters,
  };
  const encode = (definition: Record<string, unknown>, config: Record<string, unknown>) => {
    let ids: number[][] = [];
    withTokenizer(
      definition,
      config,
      (folder) => ids = loadTokenizer(folder).encode(["É é a"]).ids,
    );
    return ids[0];
  };
  const { "é": acute, "e": plain, "a": last } = letters.vocab;
  assert.deepEqual(encode(bert, {}), [plain, plain, last]);
  assert.deepEqual(encode(bert, { do_lower_case: false }), [0, acute, last]);
  assert.deepEqual(encode(bert, { strip_accents: false }), [acute, acute, last]);
  const [a, b, space] = [3, 4, 2];
  const first = (config: Record<string, unknown>) => {
    let ids: number[][] = [];
    withTokenizer(byteLevel, config, (folder) => ids = loadTokenizer(folder).encode(["a b"]).ids);
    return ids[0];
  };
  assert.deepEqual(first({}), [a, space, b]);
  assert.deepEqual(first({ add_prefix_space: true }), [space, a, space, b]);
});

const letters = components.letters;
const unfaithful: [string, Record<string, unknown>, RegExp][] = [
  [
    "words alone",
    { model: { type: "WordLevel", vocab: { a: 0 }, unk_token: "a" } },
    /list of words/,
  ],
  ["bytes for what a Unigram model lacks", {
    ...unigram,
    model: { ...unigram.model, byte_fallback: true },
  }, /falls back to bytes/],
  ["prefixes in a BPE", {
    ...byteLevel,
    model: { ...byteLevel.model, continuing_subword_prefix: "##" },
  }, /has the prefix "##"/],
  ["merges dropped at random", {
    ...byteLevel,
    model: { ...byteLevel.model, dropout: 0.1 },
  }, /drops merges/],
  ["tokens that are whole words", {
    model: letters,
    added_tokens: [{ ...special(0, "a"), single_word: true }],
  }, /single words/],
  ["pieces merged with their like", {
    model: letters,
    pre_tokenizer: { type: "Split", pattern: { String: " " }, behavior: "Contiguous" },
  }, /Split has the behavior "Contiguous"/],
  ["pieces merged with a match that may be nothing", {
    model: letters,
    pre_tokenizer: { type: "Split", pattern: { Regex: "a*" }, behavior: "MergedWithPrevious" },
  }, /Split has a pattern that nothing matches too/],
  ["an unknown model", { ...byteLevel, model: { ...byteLevel.model, type: "Foo" } }, /kind "Foo"/],
  ["no model", { ...byteLevel, model: null }, /has no model/],
  ["no vocabulary", { ...byteLevel, model: { ...byteLevel.model, vocab: {} } }, /no vocabulary/],
  ["a second segment", {
    ...unigram,
    post_processor: {
      ...unigram.post_processor,
      single: [{ Sequence: { id: "A", type_id: 1 } }, { SpecialToken: { id: "</s>", type_id: 1 } }],
    },
  }, /another segment than the first/],
  ["a map of characters that is cut", {
    ...unigram,
    normalizer: { type: "Precompiled", precompiled_charsmap: "AQAAAA==" },
  }, /precompiled_charsmap is cut short/],
];

for (const [what, definition, message] of unfaithful) {
  Deno.test(`loadTokenizer() rejects ${what}`, () =>
    withTokenizer(definition, undefined, (folder) => {
      assert.throws(() => loadTokenizer(folder), (error) => {
        assert(error instanceof SpindleError, String(error));
        assert.match(error.message, message);
        return true;
      });
    }));
}
