import { layer } from "../layer.ts";
import type { Family } from "../spec.ts";
import { bert } from "./bert.ts";

/** ELECTRA (Clark et al. 2020): BERT whose embedding tables may be narrower than its states. */
export const electra: Family = {
  modelTypes: ["electra"],
  summary: "ELECTRA: post-norm encoder, learned positions, narrow embedding",

  spec(config) {
    const spec = bert.spec(config);
    const width = config.count("embedding_size", 128);
    return { ...spec, embedding: { ...spec.embedding, width } };
  },

  weights(spec, config) {
    const { embedding, ...refs } = bert.weights(spec, config);
    const isNarrow = spec.embedding.width !== spec.width;
    return {
      ...refs,
      prefixes: ["electra."],
      ignored:
        /^(discriminator_predictions|generator_predictions|generator_lm_head|classifier|qa_outputs|sequence_summary)\.|position_ids$/,
      embedding: {
        ...embedding,
        ...(isNarrow && { projection: layer("embeddings_project") }),
      },
    };
  },
};
