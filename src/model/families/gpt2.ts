import { activationOf, requireBoolean, tiedNames } from "../config.ts";
import { layer, partOf } from "../layer.ts";
import type { Family, LayerRef } from "../spec.ts";

/** GPT-2 (Radford et al. 2019): pre-norm decoder with learned positions. */
export const gpt2: Family = {
  modelTypes: ["gpt2"],
  summary: "GPT-2: pre-norm decoder, learned positions",

  spec(config) {
    const width = config.count("n_embd");
    const heads = config.count("n_head");
    requireBoolean(config, "add_cross_attention", false);
    const activation = config.string("activation_function", "gelu_new");
    return {
      family: config.string("model_type"),
      width,
      ffnWidth: config.count("n_inner", 4 * width),
      vocabulary: config.count("vocab_size"),
      maxTokens: config.count("n_positions", 1024),
      norm: { kind: "layer", epsilon: config.number("layer_norm_epsilon", 1e-5), place: "pre" },
      embedding: { width },
      stacks: [{
        prefix: "",
        blocks: config.count("n_layer"),
        attention: {
          heads,
          keyValueHeads: heads,
          headWidth: width / heads,
          causal: true,
          scale: config.boolean("scale_attn_weights", true) ? Math.sqrt(heads / width) : 1,
          dividedByBlock: config.boolean("scale_attn_by_inverse_layer_idx", false),
        },
        crossAttention: false,
        ffn: { activation: activationOf(config, activation), gated: false },
        parallelResidual: false,
        finalNorm: true,
      }],
    };
  },

  weights(_spec, config) {
    const tied = tiedNames(config, "lm_head.weight", true);
    return {
      prefixes: ["transformer."],
      ignored:
        /^(lm_head|score|classifier|qa_outputs|multiple_choice_head)\.|\.attn\.(masked_)?bias$/,
      embedding: { token: { name: "wte.weight", or: tied }, position: { name: "wpe.weight" } },
      stacks: [{
        block: (index) => {
          const block = `h.${index}`;
          const projection = conv1d(`${block}.attn.c_attn`);
          return {
            attention: {
              norm: layer(`${block}.ln_1`),
              query: partOf(projection, { index: 0, of: 3 }),
              key: partOf(projection, { index: 1, of: 3 }),
              value: partOf(projection, { index: 2, of: 3 }),
              output: conv1d(`${block}.attn.c_proj`),
            },
            ffn: {
              norm: layer(`${block}.ln_2`),
              gate: conv1d(`${block}.mlp.c_fc`),
              down: conv1d(`${block}.mlp.c_proj`),
            },
          };
        },
        finalNorm: layer("ln_f"),
      }],
    };
  },
};

/** GPT-2 stores its linear layers as `[inputs, outputs]`. */
function conv1d(name: string): LayerRef {
  const { weight, ...bias } = layer(name);
  return { weight: { ...weight, transposed: true }, ...bias };
}
