import type { Pool } from "../ops/pool.ts";
import type { Model } from "./model.ts";

/**
 * The pools that suit a model: of a causal decoder the last token has seen the whole text, of an
 * encoder the first token is made for it; an encoder-decoder is read in all ways.
 *
 * All read the special tokens of the model's tokenizer too, such as the `<s>` in front of a text of
 * Llama, which the authors of SPIN do not add.
 */
export function defaultPools({ spec }: Model): Pool[] {
  if (spec.stacks.length > 1) return ["first", "last", "max", "mean"];
  return spec.stacks[0]!.attention.causal ? ["last", "max", "mean"] : ["first", "max", "mean"];
}
