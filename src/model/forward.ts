import { type Matrix, writeTexels } from "../gpu/matrix.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { attention } from "../ops/attention.ts";
import { linear, type LinearOptions } from "../ops/linear.ts";
import { norm, type NormWeights } from "../ops/norm.ts";
import type { Batch } from "./batch.ts";
import { type BlockWeights, headTexels, type Linear } from "./block_weights.ts";
import { embed, type Embedding } from "./embedding.ts";
import type { ModelSpec, StackSpec } from "./spec.ts";
import type { Site } from "./states.ts";
import type { Workspace } from "./workspace.ts";

/** A stack of blocks on the GPU. */
export interface Stack {
  readonly spec: StackSpec;
  readonly blocks: readonly BlockWeights[];
  readonly finalNorm: NormWeights | undefined;
}

/** A transformer on the GPU. */
export interface Transformer {
  readonly spec: ModelSpec;
  readonly embedding: Embedding;
  readonly stacks: readonly Stack[];
}

/** Is shown each state as soon as its computation is recorded, and may record reads of it. */
export type Tap = (stack: number, site: Site, layer: number, state: Matrix) => void;

/** What one forward pass carries from step to step. */
interface Pass {
  readonly recorder: Recorder;
  readonly workspace: Workspace;
  readonly spec: ModelSpec;
  readonly batch: Batch;
}

/**
 * Records the forward pass of a batch.
 *
 * @param blocks How many blocks of each stack to run: what no wanted state needs is left out.
 * @param tap Is shown every state that these blocks produce.
 */
export function forward(
  recorder: Recorder,
  workspace: Workspace,
  model: Transformer,
  batch: Batch,
  blocks: readonly number[],
  tap: Tap,
): void {
  const pass = { recorder, workspace, spec: model.spec, batch };
  model.stacks.forEach((stack, index) => {
    const count = blocks[index]!;
    let hidden = recordEmbedding(pass, model.embedding);
    tap(index, "hidden", 0, hidden);
    for (let layer = 0; layer < count; layer++) {
      hidden = recordBlock(
        pass,
        stack,
        layer,
        hidden,
        (site, state) => tap(index, site, layer, state),
      );
      tap(index, "hidden", layer + 1, hidden);
    }
    if (stack.finalNorm && count === stack.spec.blocks) {
      const normed = recordNorm(pass, hidden, stack.finalNorm, "normed");
      tap(index, "hidden", count + 1, normed);
    }
  });
}

function recordEmbedding(pass: Pass, embedding: Embedding): Matrix {
  const { workspace, batch, spec } = pass;
  let hidden = workspace.matrix("embedding", batch.tokens, embedding.width);
  writeTexels(hidden, embed(embedding, batch), batch.tokens);
  if (embedding.norm) hidden = recordNorm(pass, hidden, embedding.norm, "hidden");
  if (embedding.projection) {
    hidden = recordLinear(pass, hidden, embedding.projection, "projected", spec.width);
  }
  return hidden;
}

function recordBlock(
  pass: Pass,
  { spec: stack, blocks }: Stack,
  layer: number,
  hidden: Matrix,
  tap: (site: Site, state: Matrix) => void,
): Matrix {
  const { spec } = pass;
  const { attention, ffn } = blocks[layer]!;
  const post = spec.norm.place === "post";
  const normed = (x: Matrix, weights: NormWeights | undefined, name: string) =>
    weights ? recordNorm(pass, x, weights, name) : x;

  const attended = recordAttention(
    pass,
    stack,
    post ? hidden : normed(hidden, attention.norm, "normed"),
    attention.projection,
  );
  const middle = recordLinear(pass, attended, attention.output, "attention sum", spec.width, {
    residual: hidden,
  });
  const afterAttention = post ? normed(middle, attention.norm, "attention normed") : middle;

  const input = post
    ? afterAttention
    : normed(stack.parallelResidual ? hidden : middle, ffn.norm, "normed");
  const gate = recordLinear(pass, input, ffn.gate, "gate", spec.ffnWidth, {
    activation: stack.ffn.activation,
  });
  tap("activation", gate);
  const neuron = ffn.up
    ? recordLinear(pass, input, ffn.up, "neuron", spec.ffnWidth, { factor: gate })
    : gate;
  tap("neuron", neuron);
  // Hidden states alternate between two matrices, for a block reads its input to its end.
  const name = layer % 2 ? "hidden odd" : "hidden even";
  const output = recordLinear(pass, neuron, ffn.down, post ? "ffn sum" : name, spec.width, {
    residual: afterAttention,
  });
  return post ? normed(output, ffn.norm, name) : output;
}

function recordAttention(pass: Pass, stack: StackSpec, x: Matrix, projection: Linear): Matrix {
  const { recorder, workspace, batch } = pass;
  const { heads, keyValueHeads, scale, causal } = stack.attention;
  const texels = headTexels(stack.attention);
  const matrix = recordLinear(pass, x, projection, "projection", projection.weight.rows);
  const out = workspace.matrix("attended", batch.tokens, 4 * texels * heads);
  const key = heads * texels;
  attention(
    recorder,
    { matrix, texel: 0 },
    { matrix, texel: key },
    { matrix, texel: key + keyValueHeads * texels },
    out,
    batch.queryBlocks,
    { heads, keyValueHeads, headTexels: texels, scale, causal },
  );
  return out;
}

function recordLinear(
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

function recordNorm(
  { recorder, workspace, batch, spec }: Pass,
  x: Matrix,
  weights: NormWeights,
  name: string,
): Matrix {
  const y = workspace.matrix(name, batch.tokens, x.cols);
  norm(recorder, spec.norm.kind, x, weights, y, batch.tokens, spec.norm.epsilon);
  return y;
}
