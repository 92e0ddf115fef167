import type { Gpu } from "../gpu/device.ts";
import { mostRows } from "../gpu/matrix.ts";
import { mostOperations } from "../gpu/recorder.ts";
import { longestAttended } from "../ops/attention.ts";
import { headTexels, projectedColumns } from "./block_weights.ts";
import type { ModelSpec } from "./spec.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { rowsAtOnce } from "./workspace.ts";

/**
 * The most tokens that are worth running at once. A GPU needs more of them to be busy than a
 * processor does, but no layer alone may be more work than a submission.
 */
export function tokensPerBatch(software: boolean, spec: ModelSpec): number {
  if (software) return 2048;
  const most = mostOperations / (2 * largestLayer(spec));
  return Math.max(rowsAtOnce, Math.min(8192, Math.floor(most / rowsAtOnce) * rowsAtOnce));
}

/** The most tokens whose states fit the matrices of this GPU. */
export function tokensThatFit(gpu: Gpu, spec: ModelSpec): number {
  return Math.floor(mostRows(gpu, widestState(spec)) / rowsAtOnce) * rowsAtOnce;
}

/** The most tokens of a sentence, by the model's positions and by this GPU. */
export function longestSentence(gpu: Gpu, spec: ModelSpec): number {
  return Math.min(
    spec.maxTokens,
    tokensThatFit(gpu, spec),
    ...spec.stacks.map(({ attention }) => longestAttended(headTexels(attention))),
  );
}

/** Columns of the widest matrix with a row a token. */
function widestState({ width, ffnWidth, embedding, stacks }: ModelSpec): number {
  const projections = stacks.map(({ attention }) => projectedColumns(attention));
  return Math.max(width, ffnWidth, embedding.width, ...projections);
}

/** Weights of the largest linear layer. */
function largestLayer({ width, ffnWidth, embedding, stacks }: ModelSpec): number {
  const projections = stacks.map(({ attention }) => projectedColumns(attention));
  return width * Math.max(ffnWidth, embedding.width, ...projections);
}

/**
 * The tokens to which texts are cut, by the model's configuration and its tokenizer's.
 *
 * @param most The most tokens that the model takes.
 */
export function longestText(
  { maxTokens, truncation = Infinity }: ModelSpec,
  tokenizer: Tokenizer | undefined,
  most: number = maxTokens,
): number {
  return Math.min(most, truncation, tokenizer?.maxTokens ?? Infinity);
}
