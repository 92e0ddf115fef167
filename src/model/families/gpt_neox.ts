import { activationOf, tiedNames } from "../config.ts";
import { layer, partOf } from "../layer.ts";
import { readRotary, ropeOf } from "../rotary.ts";
import type { Family } from "../spec.ts";

/**
 * GPT-NeoX and Pythia (Black et al. 2022): pre-norm decoder, rotary positions in a part of a head.
 */
export const gptNeox: Family = {
  modelTypes: ["gpt_neox"],
  summary: "GPT-NeoX and Pythia: pre-norm decoder, rotary positions, parallel residual",

  spec(config) {
    const width = config.count("hidden_size");
    const heads = config.count("num_attention_heads");
    const blocks = config.count("num_hidden_layers");
    const maxTokens = config.count("max_position_embeddings", 2048);
    const rope = ropeOf(config);
    const share = config.number("rotary_pct", 0.25);
    const dimensions = Math.floor(
      width / heads * (rope?.number("partial_rotary_factor", share) ?? share),
    );
    const theta = config.number("rotary_emb_base", 10_000);
    const rotary = readRotary(rope, { dimensions, theta, maxTokens });
    return {
      family: config.string("model_type"),
      width,
      ffnWidth: config.count("intermediate_size"),
      vocabulary: config.count("vocab_size"),
      maxTokens: rotary.positions,
      truncation: maxTokens,
      norm: { kind: "layer", epsilon: config.number("layer_norm_eps", 1e-5), place: "pre" },
      embedding: { width },
      stacks: [{
        prefix: "",
        blocks,
        attention: {
          heads,
          keyValueHeads: heads,
          headWidth: width / heads,
          causal: true,
          scale: Math.sqrt(heads / width),
          rotary: Array(blocks).fill(rotary),
        },
        crossAttention: false,
        ffn: {
          activation: activationOf(config, config.string("hidden_act", "gelu")),
          gated: false,
        },
        parallelResidual: config.boolean("use_parallel_residual", true),
        finalNorm: true,
      }],
    };
  },

  weights(spec, config) {
    const groups = spec.stacks[0]!.attention.heads;
    const bias = config.boolean("attention_bias", true);
    const tied = tiedNames(config, "embed_out.weight", false);
    return {
      prefixes: ["gpt_neox."],
      ignored:
        /^(embed_out|lm_head|score|classifier|qa_outputs)\.|attention\.(masked_)?bias$|rotary_emb\.inv_freq$/,
      embedding: { token: { name: "embed_in.weight", or: tied } },
      stacks: [{
        block: (index) => {
          const block = `layers.${index}`;
          const projection = layer(`${block}.attention.query_key_value`, { bias });
          return {
            attention: {
              norm: layer(`${block}.input_layernorm`),
              query: partOf(projection, { index: 0, of: 3, groups }),
              key: partOf(projection, { index: 1, of: 3, groups }),
              value: partOf(projection, { index: 2, of: 3, groups }),
              output: layer(`${block}.attention.dense`, { bias }),
            },
            ffn: {
              norm: layer(`${block}.post_attention_layernorm`),
              gate: layer(`${block}.mlp.dense_h_to_4h`),
              down: layer(`${block}.mlp.dense_4h_to_h`),
            },
          };
        },
        finalNorm: layer("final_layer_norm"),
      }],
    };
  },
};
