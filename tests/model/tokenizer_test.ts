import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Tokenizer as Library } from "npm:@huggingface/tokenizers@0.2.0";
import { openSafetensors, readIntegers } from "../../src/formats/safetensors.ts";
import { loadTokenizer } from "../../src/model/tokenizer.ts";
import { SpindleError } from "../../src/util.ts";
import { sharedPath, sharedTest } from "../shared.ts";
import reference from "./tokenizer_reference.json" with { type: "json" };
import { byteLevel, unigram, withTokenizer } from "./tokenizers.ts";

const bundled = fileURLToPath(new URL("../../models/all-MiniLM-L6-v2", import.meta.url));
const [CLS, SEP] = [101, 102];

Deno.test("encode() gives the ids of the reference for plain, accented, CJK and emoji texts", () => {
  const { ids } = loadTokenizer(bundled).encode(
    reference.cases.map(([text]) => text as string),
    { maxTokens: 64 },
  );
  reference.cases.forEach(([text, expected], i) => assert.deepEqual(ids[i], expected, `${text}`));
});

sharedTest(
  "encode() gives the ids of the golden file",
  ["parity/all-MiniLM-L6-v2/golden.safetensors"],
  () => {
    using golden = openSafetensors(sharedPath("parity/all-MiniLM-L6-v2/golden.safetensors"));
    const texts: string[] = JSON.parse(golden.metadata.get("texts")!);
    const expected = readIntegers(golden, "input_ids");
    const mask = readIntegers(golden, "attention_mask");
    const width = golden.tensors.get("input_ids")!.shape[1]!;
    loadTokenizer(bundled).encode(texts).ids.forEach((ids, i) => {
      const row = (values: Int32Array) => [...values.subarray(i * width, (i + 1) * width)];
      assert.deepEqual(ids, row(expected).filter((_, j) => row(mask)[j] === 1));
    });
  },
);

Deno.test("encode() gives an empty text its special tokens alone", () =>
  assert.deepEqual(loadTokenizer(bundled).encode(["", " \n"]), {
    ids: [[CLS, SEP], [CLS, SEP]],
    truncated: 0,
  }));

Deno.test("encode() cuts a long text and keeps its closing token", () => {
  const tokenizer = loadTokenizer(bundled);
  const text = "a masterful film , and a joy to watch .";
  const whole = tokenizer.encode([text]).ids[0]!;
  for (let maxTokens = 2; maxTokens <= whole.length; maxTokens++) {
    const { ids, truncated } = tokenizer.encode([text], { maxTokens });
    assert.deepEqual(ids, [[...whole.slice(0, maxTokens - 1), SEP]]);
    assert.equal(truncated, maxTokens < whole.length ? 1 : 0);
  }
  assert.throws(() => tokenizer.encode([text], { maxTokens: 1 }), (error) => {
    assert(error instanceof SpindleError);
    assert.match(error.message, /in 1 tokens as the special tokens alone are 2: allow more/);
    return true;
  });
});

Deno.test("encode() obeys the tokenizer's own limit and ignores one that is no count", () => {
  const tokenizer = loadTokenizer(bundled);
  assert.equal(tokenizer.maxTokens, 512);
  const { ids, truncated } = tokenizer.encode(["film ".repeat(2000), "film"], { maxTokens: 1000 });
  assert.deepEqual(ids.map((row) => row.length), [512, 3]);
  assert.equal(truncated, 1);
  withTokenizer(byteLevel, { model_max_length: 1e30 }, (folder) => {
    assert.equal(loadTokenizer(folder).maxTokens, Infinity);
  });
});

Deno.test("encode() ignores the truncation and padding that tokenizer.json asks for", () => {
  const text = "film ".repeat(300);
  assert.equal(loadTokenizer(bundled).encode([text]).ids[0]!.length, 302);
});

Deno.test("encode() reads unpaired surrogates as U+FFFD", () => {
  const tokenizer = loadTokenizer(bundled);
  const broken = tokenizer.encode(["a\ud800b \udc00", "\ud83d"]);
  assert.deepEqual(broken.ids, tokenizer.encode(["a\ufffdb \ufffd", "\ufffd"]).ids);
});

Deno.test("encode() of a text of 1 MB reads no more than its beginning and gives the ids of the whole", () => {
  let longest = 0;
  const { encode } = Library.prototype;
  using restored = new DisposableStack();
  restored.defer(() => Library.prototype.encode = encode);
  Object.assign(Library.prototype, {
    encode(this: Library, ...given: Parameters<Library["encode"]>) {
      longest = Math.max(longest, given[0].length);
      return encode.apply(this, given);
    },
  });
  const tokenizer = loadTokenizer(bundled);
  const words = "an unexpectedly masterful film , and a joy to watch . ";
  const [expected] = tokenizer.encode([words.repeat(60)], { maxTokens: 512 }).ids;
  assert.equal(expected!.length, 512);
  const unknown = tokenizer.encode(["a".repeat(101)]).ids;
  const cases: [string, number[]][] = [
    [words.repeat(20_000), expected!],
    ["a".repeat(1_000_000), unknown[0]!],
    [" ".repeat(1_000_000), [CLS, SEP]],
    ["電影".repeat(350_000), tokenizer.encode(["電影".repeat(300)]).ids[0]!],
    ["😀".repeat(250_000), unknown[0]!],
    ["!?".repeat(500_000), tokenizer.encode(["!?".repeat(300)]).ids[0]!],
  ];
  for (const [text, ids] of cases) {
    assert.deepEqual(tokenizer.encode([text]).ids, [ids], text.slice(0, 10));
  }
  assert(longest > 0 && longest < 80_000, `${longest} characters at once`);
});

Deno.test("encode() of a cut text begins like that of the whole at every limit", () => {
  const tokenizer = loadTokenizer(bundled);
  const text = reference.cases.map(([text]) => text).join(" ").repeat(3);
  const whole = tokenizer.encode([text], { maxTokens: 512 }).ids[0]!;
  for (let maxTokens = 2; maxTokens < 512; maxTokens += 7) {
    const cut = tokenizer.encode([text], { maxTokens }).ids[0]!;
    assert.deepEqual(cut, [...whole.slice(0, maxTokens - 1), SEP]);
  }
});

Deno.test("encode() keeps the special tokens of a RoBERTa-like byte-level tokenizer", () => {
  const processor = { type: "RobertaProcessing", sep: ["</s>", 1], cls: ["<s>", 0] };
  withTokenizer({ ...byteLevel, post_processor: processor }, undefined, (folder) => {
    const tokenizer = loadTokenizer(folder);
    assert.deepEqual(tokenizer.encode(["ab c", ""]).ids, [[0, 3, 4, 2, 5, 1], [0, 1]]);
    assert.deepEqual(tokenizer.encode(["ab c"], { maxTokens: 4 }).ids, [[0, 3, 4, 1]]);
  });
});

Deno.test("encode() adds nothing where the tokenizer has no special tokens", () =>
  withTokenizer(byteLevel, {}, (folder) => {
    const { ids } = loadTokenizer(folder).encode(["ab", "", "abcd"], { maxTokens: 3 });
    assert.deepEqual(ids, [[3, 4], [], [3, 4, 5]]);
  }));

Deno.test("encode() closes a T5-like Unigram text with </s>", () =>
  withTokenizer(unigram, { model_max_length: 4 }, (folder) => {
    const tokenizer = loadTokenizer(folder);
    assert.deepEqual(tokenizer.encode(["film a", "", "電"]).ids, [[3, 5, 0], [0], [2, 1, 0]]);
    assert.deepEqual(tokenizer.encode(["a a a a a"]).ids, [[5, 5, 5, 0]]);
  }));

Deno.test("a run of unknown characters is one unknown token, however long it is", () => {
  withTokenizer(unigram, undefined, (folder) => {
    const texts = ["ᏣᎳᎩ", "Ꮳ film", "ᏣᎳᎩ".repeat(100_000)];
    const { ids } = loadTokenizer(folder).encode(texts, { maxTokens: 512 });
    assert.deepEqual(ids, [[2, 1, 0], [2, 1, 3, 0], [2, 1, 0]]);
  });
});

Deno.test("encode() names a text of which a part has neither a token nor an unknown token", () => {
  const model = { ...byteLevel.model, unk_token: "<unk>" };
  withTokenizer({ ...byteLevel, model }, undefined, (folder) => {
    assert.throws(() => loadTokenizer(folder).encode(["ab", "AB"]), /Cannot tokenize "AB"/);
  });
});

Deno.test("loadTokenizer() rejects a folder without one, broken JSON and an unknown kind", () => {
  withTokenizer({ ...byteLevel, pre_tokenizer: { type: "Novel" } }, undefined, (folder) => {
    assert.throws(() => loadTokenizer(folder), (error) => {
      assert(error instanceof SpindleError);
      assert.match(error.message, /Unknown PreTokenizer type: Novel/);
      return true;
    });
    assert.throws(() => loadTokenizer(`${folder}/none`), /tokenizer.json" as it does not exist/);
    Deno.writeTextFileSync(`${folder}/tokenizer.json`, "{");
    assert.throws(() => loadTokenizer(folder), /not valid JSON/);
    Deno.writeTextFileSync(`${folder}/tokenizer.json`, "{}");
    assert.throws(() => loadTokenizer(folder), SpindleError);
  });
});
