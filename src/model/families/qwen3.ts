import { withAttention } from "../layer.ts";
import type { Family } from "../spec.ts";
import { llama } from "./llama.ts";
import { qwenSpec } from "./qwen2.ts";

/** Qwen 3 (Yang et al. 2025): Llama with an RMSNorm of each query and key head. */
export const qwen3: Family = {
  modelTypes: ["qwen3"],
  summary: "Qwen 3: pre-norm decoder, rotary positions, gated, head norms",

  spec: (config) => qwenSpec(config, { headWidth: 128 }),

  weights: (spec, config) =>
    withAttention(llama.weights(spec, config), (index) => ({
      queryNorm: { name: `layers.${index}.self_attn.q_norm.weight` },
      keyNorm: { name: `layers.${index}.self_attn.k_norm.weight` },
    })),
};
