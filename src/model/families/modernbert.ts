import { SpindleError } from "../../util.ts";
import { activationOf, type Config, requireBoolean, tiedNames } from "../config.ts";
import { layer, partOf } from "../layer.ts";
import { slidingBlocks } from "../layer_types.ts";
import { readRotary } from "../rotary.ts";
import type { Family, RotarySpec } from "../spec.ts";

/**
 * ModernBERT (Warner et al. 2024): pre-norm encoder, rotary positions, most blocks with windows.
 */
export const modernbert: Family = {
  modelTypes: ["modernbert"],
  summary: "ModernBERT: pre-norm encoder, rotary positions, gated, sliding windows",

  spec(config) {
    const width = config.count("hidden_size");
    const heads = config.count("num_attention_heads");
    const blocks = config.count("num_hidden_layers");
    const every = config.count("global_attn_every_n_layers", 3);
    const slides = slidingBlocks(config, blocks, (index) => index % every !== 0);
    const [local, global] = rotaries(config, width / heads);
    // Tokens that one sees to each side.
    const aside = config.has("sliding_window")
      ? config.count("sliding_window")
      : Math.floor(config.count("local_attention", 128) / 2);
    const activation = config.string("hidden_activation", "gelu");
    return {
      family: config.string("model_type"),
      width,
      ffnWidth: config.count("intermediate_size"),
      vocabulary: config.count("vocab_size"),
      maxTokens: Math.min(local.positions, global.positions),
      truncation: config.count("max_position_embeddings", 8192),
      norm: { kind: "layer", epsilon: config.number("norm_eps", 1e-5), place: "pre" },
      embedding: { width },
      stacks: [{
        prefix: "",
        blocks,
        attention: {
          heads,
          keyValueHeads: heads,
          headWidth: width / heads,
          causal: false,
          scale: Math.sqrt(heads / width),
          rotary: slides.map((slides) => slides ? local : global),
          windows: slides.map((slides) => slides ? aside + 1 : undefined),
        },
        crossAttention: false,
        ffn: { activation: activationOf(config, activation), gated: true },
        parallelResidual: false,
        finalNorm: true,
      }],
    };
  },

  weights(_spec, config) {
    const norm = { bias: config.boolean("norm_bias", false) };
    const attention = { bias: config.boolean("attention_bias", false) };
    const ffn = { bias: config.boolean("mlp_bias", false) };
    const tied = tiedNames(config, "decoder.weight", true);
    return {
      prefixes: ["model."],
      ignored: /^(head|decoder|classifier)\./,
      embedding: {
        token: { name: "embeddings.tok_embeddings.weight", or: tied },
        norm: layer("embeddings.norm", norm),
      },
      stacks: [{
        block: (index) => {
          const block = `layers.${index}`;
          const projection = layer(`${block}.attn.Wqkv`, attention);
          const input = layer(`${block}.mlp.Wi`, ffn);
          return {
            attention: {
              // The embedding's norm serves the first block.
              ...(index > 0 && { norm: layer(`${block}.attn_norm`, norm) }),
              query: partOf(projection, { index: 0, of: 3 }),
              key: partOf(projection, { index: 1, of: 3 }),
              value: partOf(projection, { index: 2, of: 3 }),
              output: layer(`${block}.attn.Wo`, attention),
            },
            ffn: {
              norm: layer(`${block}.mlp_norm`, norm),
              gate: partOf(input, { index: 0, of: 2 }),
              up: partOf(input, { index: 1, of: 2 }),
              down: layer(`${block}.mlp.Wo`, ffn),
            },
          };
        },
        finalNorm: layer("final_norm", norm),
      }],
    };
  },
};

/** The rotary positions of blocks with a window, and of the others. */
function rotaries(config: Config, dimensions: number): [RotarySpec, RotarySpec] {
  const rope = config.object("rope_parameters");
  const maxTokens = config.count("max_position_embeddings", 8192);
  const scaling = config.object("rope_scaling");
  // The reference library lays it over each kind, which has a "rope_type" and so hears no "type".
  if (scaling && (rope || !scaling.has("rope_type"))) {
    throw new SpindleError(
      `Cannot load "${config.path}" as its rope_scaling lacks a rope_type or is there with ` +
        "rope_parameters: write what it says into each kind of rope_parameters",
    );
  }
  const read = (kind: string, theta: number) => {
    const own = scaling ?? rope?.object(kind);
    // The reference library looks for it beside the kinds of blocks, where it cannot be.
    if (own) requireBoolean(own, "truncate", true);
    return readRotary(own, { dimensions, theta, maxTokens });
  };
  return [
    read("sliding_attention", config.number("local_rope_theta", 10_000)),
    read("full_attention", config.number("global_rope_theta", 160_000)),
  ];
}
