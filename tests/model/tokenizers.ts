/** Runs `body` with a folder that holds a tokenizer.json of these parts. */
export function withTokenizer(
  definition: Record<string, unknown>,
  config: Record<string, unknown> | undefined,
  body: (folder: string) => void,
): void {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${folder}/tokenizer.json`, JSON.stringify(definition));
    if (config) Deno.writeTextFileSync(`${folder}/tokenizer_config.json`, JSON.stringify(config));
    body(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** A special token as a tokenizer.json lists it. */
export const special = (id: number, content: string) => ({
  id,
  content,
  special: true,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
});

/** Byte-level BPE without a merge: a token for each of the letters a to z and for the space. */
export const byteLevel = {
  version: "1.0",
  added_tokens: [special(0, "<s>"), special(1, "</s>")],
  pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true },
  model: {
    type: "BPE",
    vocab: Object.fromEntries(
      ["<s>", "</s>", "Ġ", ..."abcdefghijklmnopqrstuvwxyz"].map((token, id) => [token, id]),
    ),
    merges: [],
  },
};

/** A Unigram model whose post-processor closes a text with </s>. */
export const unigram = {
  version: "1.0",
  added_tokens: [special(0, "</s>"), special(1, "<unk>")],
  normalizer: { type: "NFKC" },
  pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "always" },
  post_processor: {
    type: "TemplateProcessing",
    single: [{ Sequence: { id: "A", type_id: 0 } }, { SpecialToken: { id: "</s>", type_id: 0 } }],
    pair: [],
    special_tokens: { "</s>": { id: "</s>", ids: [0], tokens: ["</s>"] } },
  },
  model: {
    type: "Unigram",
    unk_id: 1,
    vocab: [["</s>", 0], ["<unk>", 0], ["▁", -3], ["▁film", -2], ["a", -4], ["▁a", -2]],
  },
};
