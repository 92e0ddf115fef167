import type { Config } from "../config.ts";
import { layer } from "../layer.ts";
import { slidingBlocks } from "../layer_types.ts";
import type { Family, ModelSpec } from "../spec.ts";
import { llama } from "./llama.ts";

/** Qwen 2 and 2.5 (Yang et al. 2024): Llama with biased projections, and windows in some blocks. */
export const qwen2: Family = {
  modelTypes: ["qwen2"],
  summary: "Qwen 2 and 2.5: pre-norm decoder, rotary positions, gated",

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
          const name = `layers.${index}.self_attn`;
          const projections = {
            query: layer(`${name}.q_proj`),
            key: layer(`${name}.k_proj`),
            value: layer(`${name}.v_proj`),
            output: layer(`${name}.o_proj`, { bias: false }),
          };
          return { attention: { ...attention, ...projections }, ffn };
        },
      }],
    };
  },
};

/** Adds the sliding windows of config.json. */
export function withWindows(spec: ModelSpec, config: Config): ModelSpec {
  const hasWindow = config.number("sliding_window", 0) !== 0;
  if (!hasWindow || !config.boolean("use_sliding_window", false)) return spec;
  const window = config.count("sliding_window");
  const stack = spec.stacks[0]!;
  const first = config.number("max_window_layers", 28);
  const slides = slidingBlocks(config, stack.blocks, (index) => index >= first);
  const windows = slides.map((slides) => slides ? window : undefined);
  return { ...spec, stacks: [{ ...stack, attention: { ...stack.attention, windows } }] };
}
