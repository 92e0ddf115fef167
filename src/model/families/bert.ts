import { activationOf, choiceOf } from "../config.ts";
import { layer } from "../layer.ts";
import type { Family } from "../spec.ts";

/** BERT (Devlin et al. 2019): post-norm encoder with learned positions and token types. */
export const bert: Family = {
  modelTypes: ["bert"],
  summary: "BERT: post-norm encoder, learned positions",

  spec(config) {
    const width = config.count("hidden_size");
    const heads = config.count("num_attention_heads");
    choiceOf(config, "position_embedding_type", ["absolute"], "absolute");
    return {
      family: config.string("model_type"),
      width,
      ffnWidth: config.count("intermediate_size"),
      vocabulary: config.count("vocab_size"),
      maxTokens: config.count("max_position_embeddings"),
      norm: { kind: "layer", epsilon: config.number("layer_norm_eps", 1e-12), place: "post" },
      embedding: { width },
      stacks: [{
        prefix: "",
        blocks: config.count("num_hidden_layers"),
        attention: {
          heads,
          keyValueHeads: heads,
          headWidth: width / heads,
          causal: config.boolean("is_decoder", false),
          scale: Math.sqrt(heads / width),
        },
        crossAttention: false,
        ffn: {
          activation: activationOf(config, config.string("hidden_act", "gelu")),
          gated: false,
        },
        parallelResidual: false,
        finalNorm: false,
      }],
    };
  },

  weights() {
    return {
      prefixes: ["bert."],
      ignored: /^(pooler|cls|classifier|qa_outputs)\.|position_ids$/,
      embedding: {
        token: { name: "embeddings.word_embeddings.weight" },
        position: { name: "embeddings.position_embeddings.weight" },
        tokenType: { name: "embeddings.token_type_embeddings.weight" },
        norm: layer("embeddings.LayerNorm"),
      },
      stacks: [{
        block: (index) => {
          const block = `encoder.layer.${index}`;
          return {
            attention: {
              query: layer(`${block}.attention.self.query`),
              key: layer(`${block}.attention.self.key`),
              value: layer(`${block}.attention.self.value`),
              output: layer(`${block}.attention.output.dense`),
              norm: layer(`${block}.attention.output.LayerNorm`),
            },
            ffn: {
              gate: layer(`${block}.intermediate.dense`),
              down: layer(`${block}.output.dense`),
              norm: layer(`${block}.output.LayerNorm`),
            },
          };
        },
      }],
    };
  },
};
