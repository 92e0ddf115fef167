import { tiedNames } from "../config.ts";
import type { Family } from "../spec.ts";
import { bert } from "./bert.ts";

/** RoBERTa (Liu et al. 2019) and XLM-R: BERT whose positions begin behind the padding id. */
export const roberta: Family = {
  modelTypes: ["roberta", "xlm-roberta"],
  summary: "RoBERTa and XLM-R: post-norm encoder, learned positions",

  spec(config) {
    const spec = bert.spec(config);
    const paddingId = config.number("pad_token_id", 1);
    const positionOffset = paddingId + 1;
    return {
      ...spec,
      maxTokens: spec.maxTokens - positionOffset,
      embedding: { ...spec.embedding, positionOffset, paddingId },
    };
  },

  weights(spec, config) {
    const { embedding, ...refs } = bert.weights(spec, config);
    const tied = tiedNames(config, "lm_head.decoder.weight", true);
    return {
      ...refs,
      prefixes: ["roberta."],
      ignored: /^(pooler|lm_head|classifier|qa_outputs)\.|position_ids$/,
      embedding: { ...embedding, token: { ...embedding.token, or: tied } },
    };
  },
};
