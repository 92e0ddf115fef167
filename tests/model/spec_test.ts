import assert from "node:assert/strict";
import { join } from "node:path";
import { readConfig } from "../../src/model/config.ts";
import { specOf } from "../../src/model/family.ts";
import type { ModelSpec } from "../../src/model/spec.ts";
import { blocksToRun, countBlocks, findStates, listStates } from "../../src/model/states.ts";
import { SpindleError } from "../../src/util.ts";

/** The spec of a config.json, which is written to a file and read like any other. */
function specFrom(config: Record<string, unknown>): ModelSpec {
  const folder = Deno.makeTempDirSync();
  try {
    const path = join(folder, "config.json");
    Deno.writeTextFileSync(path, JSON.stringify(config));
    return specOf(readConfig(path));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const sizes = {
  hidden_size: 64,
  intermediate_size: 96,
  num_attention_heads: 4,
  num_hidden_layers: 4,
  vocab_size: 99,
  max_position_embeddings: 128,
};

Deno.test("rotary positions are read as the reference library wrote them before and since 5.0", () => {
  const scaling = {
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 32,
  };
  assert.deepEqual(
    specFrom({
      ...sizes,
      model_type: "llama",
      rope_theta: 500_000,
      rope_scaling: { rope_type: "llama3", ...scaling },
    }),
    specFrom({
      ...sizes,
      model_type: "llama",
      rope_parameters: { rope_type: "llama3", rope_theta: 500_000, ...scaling },
    }),
  );
  assert.deepEqual(
    specFrom({ ...sizes, model_type: "llama", rope_scaling: { type: "linear", factor: 2 } }),
    specFrom({
      ...sizes,
      model_type: "llama",
      rope_parameters: { rope_type: "linear", factor: 2, rope_theta: 10_000 },
    }),
  );
  assert.deepEqual(
    specFrom({ ...sizes, model_type: "gpt_neox", rotary_pct: 0.5, rotary_emb_base: 500 }),
    specFrom({
      ...sizes,
      model_type: "gpt_neox",
      rope_parameters: { rope_type: "default", partial_rotary_factor: 0.5, rope_theta: 500 },
    }),
  );
  assert.deepEqual(
    specFrom({ ...sizes, model_type: "modernbert", global_rope_theta: 800, local_rope_theta: 70 }),
    specFrom({
      ...sizes,
      model_type: "modernbert",
      rope_parameters: {
        full_attention: { rope_type: "default", rope_theta: 800 },
        sliding_attention: { rope_type: "default", rope_theta: 70 },
      },
    }),
  );
});

Deno.test("original_max_position_embeddings counts first where it stands outside of the scaling", () => {
  const scalings = [
    { rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4 },
    { rope_type: "yarn", factor: 4 },
    { rope_type: "longrope", short_factor: Array(8).fill(2), long_factor: [] },
  ];
  const outer = { original_max_position_embeddings: 32 };
  const inner = { original_max_position_embeddings: 16 };
  for (const model_type of ["llama", "gpt_neox"]) {
    for (const scaling of scalings) {
      const read = (scaling: Record<string, unknown>, outside: Record<string, unknown> = {}) =>
        specFrom({ ...sizes, model_type, rotary_pct: 1, rope_parameters: scaling, ...outside });
      const wanted = read({ ...scaling, ...outer });
      assert.deepEqual(read(scaling, outer), wanted);
      assert.deepEqual(read({ ...scaling, ...inner }, outer), wanted);
      assert.notDeepEqual(read({ ...scaling, ...inner }), wanted);
    }
  }
});

Deno.test("an empty rope_scaling hides nothing", () => {
  const kinds = { full_attention: { rope_type: "linear", factor: 4 } };
  for (
    const config of [
      { model_type: "llama", rope_parameters: kinds.full_attention },
      { model_type: "gpt_neox", rope_parameters: kinds.full_attention },
      { model_type: "modernbert", rope_parameters: kinds },
    ]
  ) {
    const without = specFrom({ ...sizes, ...config });
    assert.deepEqual(specFrom({ ...sizes, ...config, rope_scaling: {} }), without);
    assert.notDeepEqual(specFrom({ ...sizes, ...config, rope_parameters: null }), without);
  }
});

Deno.test("YaRN's betas of 0 are the default ones", () => {
  const read = (betas: Record<string, number>) =>
    specFrom({
      ...sizes,
      model_type: "llama",
      rope_parameters: {
        rope_type: "yarn",
        factor: 4,
        original_max_position_embeddings: 4096,
        ...betas,
      },
    });
  assert.deepEqual(read({ beta_fast: 0, beta_slow: 0 }), read({ beta_fast: 32, beta_slow: 1 }));
});

Deno.test("Qwen has other defaults than Llama", () => {
  const qwen = (config: Record<string, unknown>) => {
    const { max_position_embeddings: _, ...rest } = sizes;
    return specFrom({ ...rest, ...config });
  };
  assert.equal(qwen({ model_type: "llama" }).truncation, 2048);
  for (const model_type of ["qwen2", "qwen3"]) {
    assert.equal(qwen({ model_type }).truncation, 32_768);
  }
  assert.equal(qwen({ model_type: "qwen2" }).stacks[0]!.attention.headWidth, 16);
  assert.equal(qwen({ model_type: "qwen3" }).stacks[0]!.attention.headWidth, 128);
});

Deno.test("Qwen's windows are of 4096 tokens where none is set, and none where it is null", () => {
  const read = (config: Record<string, unknown>) =>
    specFrom({
      ...sizes,
      model_type: "qwen2",
      use_sliding_window: true,
      max_window_layers: 3,
      ...config,
    }).stacks[0]!.attention.windows;
  assert.deepEqual(read({}), [undefined, undefined, undefined, 4096]);
  assert.deepEqual(read({ sliding_window: null }), undefined);
  assert.deepEqual(read({ sliding_window: 5, use_sliding_window: false }), undefined);
});

Deno.test("the blocks with a window are listed, or follow from a number", () => {
  const types = ["full_attention", "full_attention", "sliding_attention", "sliding_attention"];
  const qwen = { ...sizes, model_type: "qwen2", use_sliding_window: true, sliding_window: 7 };
  const listed = specFrom({ ...qwen, layer_types: types });
  assert.deepEqual(listed, specFrom({ ...qwen, max_window_layers: 2 }));
  assert.deepEqual(listed.stacks[0]!.attention.windows, [undefined, undefined, 7, 7]);
  const modern = specFrom({ ...sizes, model_type: "modernbert", local_attention: 16 });
  // Half of the window to each side, and the token itself.
  assert.deepEqual(modern.stacks[0]!.attention.windows, [undefined, 9, 9, undefined]);
  assert.deepEqual(specFrom({ ...sizes, model_type: "modernbert", sliding_window: 8 }), modern);
});

Deno.test("a model takes as many tokens as it has positions, which rotary ones do not limit", () => {
  const roberta = {
    ...sizes,
    model_type: "roberta",
    max_position_embeddings: 514,
    pad_token_id: 1,
  };
  assert.equal(specFrom(roberta).maxTokens, 512);
  const t5 = { model_type: "t5", d_model: 8, d_kv: 4, d_ff: 8, num_heads: 2, num_layers: 1 };
  const { maxTokens, truncation } = specFrom({ ...t5, vocab_size: 9 });
  assert.deepEqual([maxTokens, truncation], [Infinity, 512]);
  const llama = { ...sizes, model_type: "llama" };
  assert.deepEqual([specFrom(llama).maxTokens, specFrom(llama).truncation], [Infinity, 128]);
  const dynamic = { rope_type: "dynamic", factor: 2 };
  assert.equal(specFrom({ ...llama, rope_parameters: dynamic }).maxTokens, 128);
});

Deno.test("the settings of a family that change what it computes are read", () => {
  const attentionOf = (config: Record<string, unknown>) => specFrom(config).stacks[0]!.attention;
  const bert = { ...sizes, model_type: "bert" };
  assert.equal(attentionOf(bert).causal, false);
  assert.equal(attentionOf({ ...bert, is_decoder: true }).causal, true);

  const gpt2 = { model_type: "gpt2", n_embd: 64, n_head: 4, n_layer: 2, vocab_size: 9 };
  assert.equal(attentionOf(gpt2).scale, 1 / 4);
  assert.equal(attentionOf({ ...gpt2, scale_attn_weights: false }).scale, 1);
  assert.equal(attentionOf(gpt2).dividedByBlock, false);
  assert.equal(
    attentionOf({ ...gpt2, scale_attn_by_inverse_layer_idx: true }).dividedByBlock,
    true,
  );
  assert.throws(
    () => specFrom({ ...gpt2, add_cross_attention: true }),
    /its add_cross_attention is true: only false is supported/,
  );

  const neox = specFrom({ ...sizes, model_type: "gpt_neox" });
  assert.deepEqual([neox.maxTokens, neox.truncation], [Infinity, 128]);

  const startOf = (more: Record<string, unknown>) =>
    specFrom({ ...t5Sizes, ...more }).stacks[1]!.startId;
  assert.equal(startOf({}), 0);
  assert.equal(startOf({ pad_token_id: 2 }), 2);
  assert.equal(startOf({ pad_token_id: 2, decoder_start_token_id: 5 }), 5);
});

Deno.test("linear scaling of rotary positions divides their frequencies", () => {
  const frequencies = (more: Record<string, unknown>) =>
    specFrom({ ...sizes, model_type: "llama", ...more }).stacks[0]!.attention.rotary![0]!
      .frequencies;
  const plain = frequencies({});
  const scaled = frequencies({ rope_scaling: { type: "linear", factor: 4 } });
  assert.deepEqual(scaled, plain.map((each) => each / 4));
});

const t5Sizes = {
  model_type: "t5",
  d_model: 8,
  d_kv: 4,
  d_ff: 12,
  num_heads: 2,
  num_layers: 3,
  num_decoder_layers: 1,
  vocab_size: 9,
};
const t5 = specFrom(t5Sizes);

Deno.test("states are listed stack by stack, site by site, with the final norm's", () => {
  assert.deepEqual(
    listStates(t5, ["hidden", "activation"]).map(({ name, width }) => `${name} ${width}`),
    [
      ...[0, 1, 2, 3, 4].map((layer) => `encoder.hidden.${layer} 8`),
      ...[0, 1, 2].map((layer) => `encoder.activation.${layer} 12`),
      ...[0, 1, 2].map((layer) => `decoder.hidden.${layer} 8`),
      "decoder.activation.0 12",
    ],
  );
});

Deno.test("blocksToRun() leaves out what no wanted state needs", () => {
  const run = (...names: string[]) => blocksToRun(t5, findStates(t5, names));
  assert.deepEqual(run("encoder.hidden.2", "encoder.activation.0"), [2, undefined]);
  assert.deepEqual(run("decoder.hidden.0"), [undefined, 0]);
  assert.deepEqual(run("decoder.activation.0"), [3, 1]);
  assert.deepEqual(run("encoder.hidden.4"), [3, undefined]);
});

Deno.test("countBlocks() counts the blocks of all stacks", () => {
  const count = (...names: string[]) => countBlocks(t5, findStates(t5, names));
  assert.equal(count("encoder.hidden.2", "decoder.hidden.0"), 2);
  assert.equal(count("decoder.activation.0"), 4);
  assert.equal(countBlocks(t5), 4);
});

Deno.test("findStates() names a state that does not exist, and those that do", () => {
  assert.throws(() => findStates(t5, ["hidden.1"]), (error) => {
    assert.ok(error instanceof SpindleError);
    assert.match(error.message, /"hidden\.1".*encoder\.hidden\.0/);
    return true;
  });
});
