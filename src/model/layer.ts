import type { AttentionRefs, LayerRef, TensorRef, WeightRefs } from "./spec.ts";

/** A layer that is stored as `NAME.weight` and, where it has one, `NAME.bias`. */
export function layer(name: string, options: { bias?: boolean } = {}): LayerRef {
  const weight = { name: `${name}.weight` };
  return options.bias ?? true ? { weight, bias: { name: `${name}.bias` } } : { weight };
}

/** One of several layers that are stored as one, see {@linkcode TensorRef}. */
export function partOf({ weight, bias }: LayerRef, part: NonNullable<TensorRef["part"]>): LayerRef {
  return { weight: { ...weight, part }, ...(bias && { bias: { ...bias, part } }) };
}

/** References of which a block's attention is changed, in every block. */
export function withAttention(
  refs: WeightRefs,
  change: (index: number) => Partial<AttentionRefs>,
): WeightRefs {
  const stacks = refs.stacks.map((stack) => ({
    ...stack,
    block: (index: number) => {
      const block = stack.block(index);
      return { ...block, attention: { ...block.attention, ...change(index) } };
    },
  }));
  return { ...refs, stacks };
}
