import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { mostOperations } from "../../src/gpu/recorder.ts";
import { readModel } from "../../src/model/family.ts";
import { longestSentence, longestText, tokensPerBatch } from "../../src/model/longest.ts";
import { loadTokenizer } from "../../src/model/tokenizer.ts";
import { longestAttended } from "../../src/ops/attention.ts";
import { keysOfGroup } from "../../src/ops/attention_variants.ts";
import { requestGpu } from "../../src/tuning/request.ts";
import { byteLevel, withTokenizer } from "./tokenizers.ts";

const { spec } = readModel(fileURLToPath(new URL("golden/llama", import.meta.url)));

Deno.test("a text is cut to the least of what the model, its configuration and its tokenizer say", () =>
  withTokenizer(byteLevel, { model_max_length: 20 }, (folder) => {
    const tokenizer = loadTokenizer(folder);
    const limits = { ...spec, maxTokens: 40, truncation: 30 };
    assert.equal(longestText(limits, tokenizer), 20);
    assert.equal(longestText(limits, undefined), 30);
    assert.equal(longestText({ ...limits, truncation: 50 }, undefined), 40);
    assert.equal(longestText(limits, tokenizer, 10), 10);
    assert.equal(tokenizer.maxTokens, 20);
    Deno.removeSync(join(folder, "tokenizer_config.json"));
    assert.equal(longestText(limits, loadTokenizer(folder)), 30);
  }));

Deno.test("a batch has as many tokens as a GPU runs through the largest layer in time", () => {
  assert.equal(tokensPerBatch(true, spec), 2048);
  assert.equal(tokensPerBatch(false, spec), 8192);
  const large = { ...spec, width: 1024, ffnWidth: 12_000 };
  const tokens = tokensPerBatch(false, large);
  const operations = (tokens: number) => 2 * tokens * large.width * large.ffnWidth;
  assert.equal(tokens % 512, 0);
  assert.ok(operations(tokens) <= mostOperations, `${tokens} tokens are too many`);
  assert.ok(operations(tokens + 512) > mostOperations, `${tokens} tokens are too few`);
  const [stack] = spec.stacks;
  const attention = { ...stack!.attention, heads: 250, keyValueHeads: 250, headWidth: 16 };
  const headed = { ...spec, width: 1024, stacks: [{ ...stack!, attention }] };
  assert.equal(tokensPerBatch(false, headed), tokens, "queries, keys and values are a layer");
  assert.equal(tokensPerBatch(false, { ...large, ffnWidth: 1e6 }), 512);
});

Deno.test("longestAttended() keeps a kernel's loops to 65,535 rounds, as software drivers want", () => {
  for (const headTexels of [1, 8, 16, 64]) {
    // A round for each group of keys, and one for each texel of a head in it.
    const rounds = (keys: number) => keys / keysOfGroup * (1 + headTexels);
    const longest = longestAttended(headTexels);
    assert.ok(rounds(longest) <= 65_535 && rounds(longest + keysOfGroup) > 65_535);
  }
});

Deno.test("a sentence is as long as positions, textures and attention allow", async () => {
  using gpu = await requestGpu({ storage: "texture" });
  const endless = { ...spec, maxTokens: Infinity };
  const [stack] = spec.stacks;
  const attention = { ...stack!.attention, headWidth: 4096 };
  assert.equal(longestSentence(gpu, { ...spec, maxTokens: 7 }), 7);
  const wide = { ...endless, stacks: [{ ...stack!, attention }] };
  assert.equal(longestSentence(gpu, wide), longestAttended(1024));
  // Rows of a texture, cut to what matrices grow by.
  const rows = gpu.device.limits.maxTextureDimension2D;
  assert.equal(longestSentence(gpu, endless), Math.min(rows - rows % 512, longestAttended(2)));
});
