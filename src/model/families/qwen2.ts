import type { Config } from "../config.ts";
import { layer, withAttention } from "../layer.ts";
import { slidingBlocks } from "../layer_types.ts";
import type { Family, ModelSpec } from "../spec.ts";
import { llama, type LlamaDefaults, llamaSpec } from "./llama.ts";

/** Qwen 2 and 2.5 (Yang et al. 2024): Llama with biased projections, and windows in some blocks. */
export const qwen2: Family = {
  modelTypes: ["qwen2"],
  summary: "Qwen 2 and 2.5: pre-norm decoder, rotary positions, gated",

  spec: (config) => qwenSpec(config),

  weights: (spec, config) =>
    withAttention(llama.weights(spec, config), (index) => {
      const name = `layers.${index}.self_attn`;
      return {
        query: layer(`${name}.q_proj`),
        key: layer(`${name}.k_proj`),
        value: layer(`${name}.v_proj`),
        output: layer(`${name}.o_proj`, { bias: false }),
      };
    }),
};

/** Reads the config.json of Qwen 2 or of a descendant, with its sliding windows. */
export function qwenSpec(config: Config, defaults: Partial<LlamaDefaults> = {}): ModelSpec {
  const spec = llamaSpec(config, { maxTokens: 32_768, ...defaults });
  const hasWindow = config.boolean("use_sliding_window", false) && !config.isNull("sliding_window");
  if (!hasWindow) return spec;
  const window = config.count("sliding_window", 4096);
  const stack = spec.stacks[0]!;
  const first = config.number("max_window_layers", 28);
  const slides = slidingBlocks(config, stack.blocks, (index) => index >= first);
  const windows = slides.map((slides) => slides ? window : undefined);
  return { ...spec, stacks: [{ ...stack, attention: { ...stack.attention, windows } }] };
}
