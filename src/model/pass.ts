import type { Matrix } from "../gpu/matrix.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { linear, type LinearOptions } from "../ops/linear.ts";
import { norm, type NormWeights } from "../ops/norm.ts";
import type { Batch } from "./batch.ts";
import type { BlockWeights, Linear } from "./block_weights.ts";
import type { Embedding } from "./embedding.ts";
import type { RelativeBias } from "./relative_bias.ts";
import type { ModelSpec, StackSpec } from "./spec.ts";
import type { Workspace } from "./workspace.ts";

/** A stack of blocks on the GPU. */
export interface Stack {
  readonly spec: StackSpec;
  /** The blocks that were loaded, from the first on. */
  readonly blocks: readonly BlockWeights[];
  readonly finalNorm: NormWeights | undefined;
  readonly relativeBias: RelativeBias | undefined;
}

/** A transformer on the GPU. */
export interface Transformer {
  readonly spec: ModelSpec;
  readonly embedding: Embedding;
  readonly stacks: readonly Stack[];
}

/** What one forward pass carries from step to step. */
export interface Pass {
  readonly recorder: Recorder;
  readonly workspace: Workspace;
  readonly spec: ModelSpec;
  readonly batch: Batch;
}

/** Records a linear layer into the workspace's matrix of that name. */
export function recordLinear(
  { recorder, workspace, batch }: Pass,
  x: Matrix,
  { weight, bias }: Linear,
  name: string,
  outputs: number,
  options: LinearOptions = {},
): Matrix {
  const y = workspace.matrix(name, batch.tokens, outputs);
  linear(recorder, x, weight, y, batch.tokens, { ...options, bias });
  return y;
}

/** Records a norm into the workspace's matrix of that name. */
export function recordNorm(
  { recorder, workspace, batch, spec }: Pass,
  x: Matrix,
  weights: NormWeights,
  name: string,
): Matrix {
  const y = workspace.matrix(name, batch.tokens, x.cols);
  norm(recorder, spec.norm.kind, x, weights, y, batch.tokens, spec.norm.epsilon);
  return y;
}
