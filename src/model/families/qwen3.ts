import type { Family } from "../spec.ts";
import { llama } from "./llama.ts";
import { withWindows } from "./qwen2.ts";

/** Qwen 3 (Yang et al. 2025): Llama with an RMSNorm of each query and key head. */
export const qwen3: Family = {
  modelTypes: ["qwen3"],
  summary: "Qwen 3: pre-norm decoder, rotary positions, gated, head norms",

  spec: (config) => withWindows(llama.spec(config), config),

  weights(spec, config) {
    const refs = llama.weights(spec, config);
    const { block, ...stack } = refs.stacks[0]!;
    return {
      ...refs,
      stacks: [{
        ...stack,
        block: (index) => {
          const { attention, ffn } = block(index);
          const norms = {
            queryNorm: { name: `layers.${index}.self_attn.q_norm.weight` },
            keyNorm: { name: `layers.${index}.self_attn.k_norm.weight` },
          };
          return { attention: { ...attention, ...norms }, ffn };
        },
      }],
    };
  },
};
