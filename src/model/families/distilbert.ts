import { activationOf } from "../config.ts";
import { layer } from "../layer.ts";
import type { Family } from "../spec.ts";

/** DistilBERT (Sanh et al. 2019): BERT without token types, under other names. */
export const distilbert: Family = {
  modelTypes: ["distilbert"],
  summary: "DistilBERT: post-norm encoder, learned positions",

  spec(config) {
    const width = config.count("dim");
    const heads = config.count("n_heads");
    return {
      family: config.string("model_type"),
      width,
      ffnWidth: config.count("hidden_dim"),
      vocabulary: config.count("vocab_size"),
      maxTokens: config.count("max_position_embeddings"),
      norm: { kind: "layer", epsilon: 1e-12, place: "post" },
      embedding: { width },
      stacks: [{
        prefix: "",
        blocks: config.count("n_layers"),
        attention: {
          heads,
          keyValueHeads: heads,
          headWidth: width / heads,
          causal: false,
          scale: Math.sqrt(heads / width),
        },
        crossAttention: false,
        ffn: {
          activation: activationOf(config, config.string("activation", "gelu")),
          gated: false,
        },
        parallelResidual: false,
        finalNorm: false,
      }],
    };
  },

  weights() {
    return {
      prefixes: ["distilbert."],
      ignored:
        /^(vocab_transform|vocab_layer_norm|vocab_projector|pre_classifier|classifier|qa_outputs)\./,
      embedding: {
        token: { name: "embeddings.word_embeddings.weight" },
        position: { name: "embeddings.position_embeddings.weight" },
        norm: layer("embeddings.LayerNorm"),
      },
      stacks: [{
        block: (index) => {
          const block = `transformer.layer.${index}`;
          return {
            attention: {
              query: layer(`${block}.attention.q_lin`),
              key: layer(`${block}.attention.k_lin`),
              value: layer(`${block}.attention.v_lin`),
              output: layer(`${block}.attention.out_lin`),
              norm: layer(`${block}.sa_layer_norm`),
            },
            ffn: {
              gate: layer(`${block}.ffn.lin1`),
              down: layer(`${block}.ffn.lin2`),
              norm: layer(`${block}.output_layer_norm`),
            },
          };
        },
      }],
    };
  },
};
