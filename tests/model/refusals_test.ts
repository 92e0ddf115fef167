import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Gpu } from "../../src/gpu/device.ts";
import { loadModel } from "../../src/model/load.ts";
import { requestGpu } from "../../src/tuning/request.ts";
import { SpindleError } from "../../src/util.ts";
import { withFolder } from "../folder.ts";
import { assertFreed } from "../gpu.ts";
import { rewriteModel } from "./rewrite.ts";

const golden = fileURLToPath(new URL("golden/", import.meta.url));

/** Loads a model of which config.json has been changed. */
async function loadChanged(gpu: Gpu, name: string, settings: Record<string, unknown>) {
  await withFolder(async (folder) => {
    rewriteModel(join(golden, name), folder, { settings });
    await loadModel(gpu, folder);
  });
}

const refusals: [string, string, Record<string, unknown>, RegExp][] = [
  ["heads that do not divide the width", "llama", {
    num_attention_heads: 5,
    head_dim: null,
    num_key_value_heads: null,
  }, /5 attention heads with 5 for keys and values do not divide its width/],
  ["a billion blocks", "modernbert", { num_hidden_layers: 1e9 }, /whole number from 1 to 16777216/],
  [
    "blocks without weights",
    "llama",
    { num_hidden_layers: 1e6 },
    /Cannot find tensor "model.layer/,
  ],
  ["an unknown model_type", "llama", { model_type: "mamba" }, /model_type "mamba".*bert, .*, t5/],
  ["an unknown activation", "llama", { hidden_act: "swish2" }, /activation "swish2".*gelu, .*silu/],
  [
    "an unknown kind of position",
    "electra",
    { position_embedding_type: "relative_key" },
    /position_embedding_type "relative_key".*absolute/,
  ],
  [
    "an unknown rotary scaling",
    "llama",
    { rope_parameters: { rope_type: "proportional" } },
    /rope_type "proportional".*llama3, longrope, yarn/,
  ],
  ["a missing tensor", "qwen2", { num_hidden_layers: 3, layer_types: null }, /"model\.layers\.2\./],
  [
    "a surplus tensor",
    "qwen2",
    { num_hidden_layers: 1, layer_types: null },
    /"model\.layers\.1\..* and \d+ more/,
  ],
  [
    "an unknown layer type",
    "qwen2",
    { layer_types: ["full_attention", "chunked_attention"] },
    /layer type "chunked_attention".*full_attention, sliding_attention/,
  ],
  [
    "a list of layer types of another length",
    "modernbert",
    { layer_types: ["full_attention"] },
    /layer_types are 1: it has 2 blocks/,
  ],
  [
    "factors that are not one a pair of dimensions",
    "longrope",
    { head_dim: 6 },
    /short_factor has 2 numbers: 3 pairs/,
  ],
  [
    "a head whose dimensions do not turn in pairs",
    "qwen3",
    { head_dim: 13 },
    /14 dimensions of a head turn in pairs and it has only 13/,
  ],
  [
    "rotary positions that are set for a kind of block",
    "qwen3",
    { rope_parameters: { full_attention: { rope_type: "linear", factor: 4 } } },
    /rotary positions are set for "full_attention"/,
  ],
  [
    "a scaling of rotary positions beside those of each kind of block",
    "modernbert",
    { rope_scaling: { rope_type: "linear", factor: 4 } },
    /rope_scaling lacks .* or is there with rope_parameters/,
  ],
  [
    "a scaling whose type the reference library does not heed",
    "modernbert",
    { rope_scaling: { type: "linear", factor: 4 }, rope_parameters: null },
    /rope_scaling lacks a rope_type/,
  ],
  [
    "a causal model that is to be bidirectional",
    "llama",
    { is_causal: false },
    /is_causal is false/,
  ],
  ["a decoder that is to be bidirectional", "t5", { is_causal: false }, /is_causal is false/],
  ["two numbers of heads", "gpt2", { num_attention_heads: 2 }, /attention_heads is 2, and 3 by/],
  ["two numbers of blocks", "gpt2", { num_hidden_layers: 1 }, /hidden_layers is 1, and 2 by/],
  ["an encoder that is to be causal", "t5_encoder", { is_decoder: true }, /is_decoder is true/],
  [
    "a range of YaRN that the reference library rounds",
    "modernbert",
    { rope_parameters: { full_attention: { rope_type: "yarn", factor: 4, truncate: false } } },
    /truncate is false/,
  ],
  ["cross-attention", "gpt2", { add_cross_attention: true }, /add_cross_attention is true/],
  [
    "an activation that is not that of its network",
    "t5_encoder",
    { dense_act_fn: "gelu" },
    /dense_act_fn "gelu" .*: the supported ones are gelu_new$/,
  ],
  ["a gate that its network has not", "t5", { is_gated_act: true }, /is_gated_act is true/],
  ["a window of no token", "qwen2", { sliding_window: 0 }, /"sliding_window" is 0/],
  ["a window of half a token", "qwen2", { sliding_window: 2.5 }, /"sliding_window" is 2.5/],
  [
    "distances that leave no bucket for those between",
    "t5",
    { relative_attention_max_distance: 4 },
    /8 buckets up to the distance 4/,
  ],
  ["a gate that is none", "t5", { feed_forward_proj: "half-relu" }, /activation "half-relu"/],
  ["a tensor of another shape", "qwen2", { intermediate_size: 16 }, /\[14, 12\].*\[16, 12\]/],
  [
    "heads that do not divide the width",
    "electra",
    { num_attention_heads: 5 },
    /5 attention heads/,
  ],
  [
    "an absent number",
    "electra",
    { hidden_size: null },
    /lacks "hidden_size": a whole number from 1 to \d+ is needed$/,
  ],
  ["a number that is text", "electra", { hidden_size: "12" }, /"hidden_size" is "12"/],
];

for (const [what, name, changes, message] of refusals) {
  Deno.test(`loadModel() names ${what}, and frees what it allocated`, async () => {
    using gpu = await requestGpu();
    await assert.rejects(loadChanged(gpu, name, changes), (error) => {
      assert.ok(error instanceof SpindleError, String(error));
      assert.match(error.message, message);
      return true;
    });
    assertFreed(gpu);
  });
}
