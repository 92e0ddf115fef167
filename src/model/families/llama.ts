import { activationOf, type Config, tiedNames } from "../config.ts";
import { layer } from "../layer.ts";
import { readRotary, ropeOf } from "../rotary.ts";
import type { Family, ModelSpec } from "../spec.ts";

/**
 * Llama 1 to 3 (Touvron et al. 2023): pre-norm decoder, rotary positions, gated network, RMSNorm.
 */
export const llama: Family = {
  modelTypes: ["llama"],
  summary: "Llama 1 to 3: pre-norm decoder, rotary positions, gated",

  spec: (config) => llamaSpec(config, { maxTokens: 2048 }),

  weights(_spec, config) {
    const attention = { bias: config.boolean("attention_bias", false) };
    const ffn = { bias: config.boolean("mlp_bias", false) };
    const tied = tiedNames(config, "lm_head.weight", false);
    return {
      // Heads that answer questions stand on a "transformer".
      prefixes: ["model.", "transformer."],
      ignored: /^(lm_head|score|classifier|qa_outputs)\.|rotary_emb\.inv_freq$/,
      embedding: { token: { name: "embed_tokens.weight", or: tied } },
      stacks: [{
        block: (index) => {
          const block = `layers.${index}`;
          return {
            attention: {
              norm: layer(`${block}.input_layernorm`, { bias: false }),
              query: layer(`${block}.self_attn.q_proj`, attention),
              key: layer(`${block}.self_attn.k_proj`, attention),
              value: layer(`${block}.self_attn.v_proj`, attention),
              output: layer(`${block}.self_attn.o_proj`, attention),
            },
            ffn: {
              norm: layer(`${block}.post_attention_layernorm`, { bias: false }),
              gate: layer(`${block}.mlp.gate_proj`, ffn),
              up: layer(`${block}.mlp.up_proj`, ffn),
              down: layer(`${block}.mlp.down_proj`, ffn),
            },
          };
        },
        finalNorm: layer("norm", { bias: false }),
      }],
    };
  },
};

/** What a descendant of Llama has where config.json says nothing. */
export interface LlamaDefaults {
  /** Positions that the model was made for. */
  readonly maxTokens: number;
  /** Neurons of a head; without it they follow from the width and the number of heads. */
  readonly headWidth?: number;
}

/** Reads the config.json of Llama or of a descendant. */
export function llamaSpec(config: Config, defaults: LlamaDefaults): ModelSpec {
  const width = config.count("hidden_size");
  const heads = config.count("num_attention_heads");
  const headWidth = config.has("head_dim")
    ? config.count("head_dim")
    : defaults.headWidth ?? width / heads;
  const blocks = config.count("num_hidden_layers");
  const maxTokens = config.count("max_position_embeddings", defaults.maxTokens);
  const theta = config.number("rope_theta", 10_000);
  const rotary = readRotary(ropeOf(config), { dimensions: headWidth, theta, maxTokens });
  return {
    family: config.string("model_type"),
    width,
    ffnWidth: config.count("intermediate_size"),
    vocabulary: config.count("vocab_size"),
    maxTokens: rotary.positions,
    truncation: maxTokens,
    norm: { kind: "rms", epsilon: config.number("rms_norm_eps", 1e-6), place: "pre" },
    embedding: { width },
    stacks: [{
      prefix: "",
      blocks,
      attention: {
        heads,
        keyValueHeads: config.count("num_key_value_heads", heads),
        headWidth,
        causal: true,
        scale: 1 / Math.sqrt(headWidth),
        rotary: Array(blocks).fill(rotary),
      },
      crossAttention: false,
      ffn: { activation: activationOf(config, config.string("hidden_act", "silu")), gated: true },
      parallelResidual: false,
      finalNorm: true,
    }],
  };
}
