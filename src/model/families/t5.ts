import { activationOf, choiceOf, type Config, requireBoolean } from "../config.ts";
import { layer } from "../layer.ts";
import type { BlockRefs, Family, StackRefs, StackSpec } from "../spec.ts";

/** T5 and Flan-T5 (Raffel et al. 2020): pre-norm encoder and decoder with relative positions. */
export const t5: Family = {
  modelTypes: ["t5"],
  summary: "T5 and Flan-T5: pre-norm encoder and decoder, relative positions",

  spec(config) {
    const width = config.count("d_model");
    const encoder = encoderSpec(config);
    const isWhole = hasDecoder(config);
    // It would make the encoder causal; that of a whole model it does not.
    if (!isWhole) requireBoolean(config, "is_decoder", false);
    return {
      family: config.string("model_type"),
      width,
      ffnWidth: config.count("d_ff"),
      vocabulary: config.count("vocab_size"),
      maxTokens: Infinity,
      truncation: 512,
      norm: { kind: "rms", epsilon: config.number("layer_norm_epsilon", 1e-6), place: "pre" },
      embedding: { width },
      stacks: isWhole ? [encoder, decoderSpec(config, encoder)] : [encoder],
    };
  },

  weights(spec) {
    const tied = spec.stacks.map(({ prefix }) => `${prefix}embed_tokens.weight`);
    return {
      prefixes: ["transformer."],
      ignored:
        /^((en|de)coder\.embed_tokens|lm_head|classification_head|classifier|qa_outputs)\.|EncDecAttention\.relative_attention_bias/,
      embedding: { token: { name: "shared.weight", or: tied } },
      stacks: spec.stacks.map(stackRefs),
    };
  },
};

/** Before version 5 of the reference library only the architecture told that there is none. */
function hasDecoder(config: Config): boolean {
  const [architecture = ""] = config.strings("architectures") ?? [];
  return config.boolean("is_encoder_decoder", true) &&
    !/^T5(EncoderModel|ForTokenClassification)$/.test(architecture);
}

function encoderSpec(config: Config): StackSpec {
  const heads = config.count("num_heads");
  const feedForward = config.string("feed_forward_proj", "relu");
  const gated = feedForward.startsWith("gated-");
  // The tanh GELU is what T5 means by "gated-gelu".
  const name = feedForward === "gated-gelu" ? "gelu_new" : feedForward.replace("gated-", "");
  const activation = activationOf(config, name);
  // They count before what they are derived from, should they not be the same.
  requireBoolean(config, "is_gated_act", gated);
  choiceOf(config, "dense_act_fn", [name], name);
  return {
    prefix: "encoder.",
    blocks: config.count("num_layers"),
    attention: {
      heads,
      keyValueHeads: heads,
      headWidth: config.count("d_kv"),
      causal: false,
      scale: 1,
      relativeBias: {
        buckets: config.count("relative_attention_num_buckets", 32),
        maxDistance: config.count("relative_attention_max_distance", 128),
      },
    },
    crossAttention: false,
    ffn: { activation, gated },
    parallelResidual: false,
    finalNorm: true,
  };
}

function decoderSpec(config: Config, encoder: StackSpec): StackSpec {
  return {
    ...encoder,
    prefix: "decoder.",
    blocks: config.count("num_decoder_layers", encoder.blocks),
    attention: { ...encoder.attention, causal: true },
    crossAttention: true,
    startId: config.number("decoder_start_token_id", config.number("pad_token_id", 0)),
  };
}

function stackRefs({ prefix, crossAttention, ffn: { gated } }: StackSpec): StackRefs {
  const plain = (name: string) => layer(name, { bias: false });
  const attention = (part: string, name: string) => ({
    norm: plain(`${part}.layer_norm`),
    query: plain(`${part}.${name}.q`),
    key: plain(`${part}.${name}.k`),
    value: plain(`${part}.${name}.v`),
    output: plain(`${part}.${name}.o`),
  });
  return {
    block: (index): BlockRefs => {
      const part = (i: number) => `${prefix}block.${index}.layer.${i}`;
      const ffn = part(crossAttention ? 2 : 1);
      const dense = `${ffn}.DenseReluDense`;
      return {
        attention: attention(part(0), "SelfAttention"),
        ...(crossAttention && { crossAttention: attention(part(1), "EncDecAttention") }),
        ffn: {
          norm: plain(`${ffn}.layer_norm`),
          gate: plain(`${dense}.${gated ? "wi_0" : "wi"}`),
          ...(gated && { up: plain(`${dense}.wi_1`) }),
          down: plain(`${dense}.wo`),
        },
      };
    },
    finalNorm: plain(`${prefix}final_layer_norm`),
    relativeBias: { name: `${prefix}block.0.layer.0.SelfAttention.relative_attention_bias.weight` },
  };
}
