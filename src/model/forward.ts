import { fillTexels, type Matrix } from "../gpu/matrix.ts";
import type { Recorder } from "../gpu/recorder.ts";
import type { NormWeights } from "../ops/norm.ts";
import { recordCrossAttention, recordSelfAttention } from "./attention.ts";
import type { Batch } from "./batch.ts";
import type { BlockWeights, Linear } from "./block_weights.ts";
import { embed, type Embedding } from "./embedding.ts";
import { type Pass, recordLinear, recordNorm, type Stack, type Transformer } from "./pass.ts";
import type { StackSpec } from "./spec.ts";
import type { Site } from "./states.ts";
import type { Workspace } from "./workspace.ts";

/** Is shown each state as soon as its computation is recorded, and may record reads of it. */
type Tap = (stack: number, site: Site, layer: number, state: Matrix) => void;

/**
 * Records the forward pass of a batch.
 *
 * @param blocks How many blocks of each stack to run, undefined for not even its embedding: what no
 * wanted state needs is left out.
 * @param tap Is shown every state that these blocks produce.
 */
export function forward(
  recorder: Recorder,
  workspace: Workspace,
  model: Transformer,
  batch: Batch,
  blocks: readonly (number | undefined)[],
  tap: Tap,
): void {
  const pass = { recorder, workspace, spec: model.spec, batch };
  let memory: Matrix | undefined;
  model.stacks.forEach((stack, index) => {
    const count = blocks[index];
    if (count === undefined) return;
    let hidden = recordEmbedding(pass, model.embedding, stack.spec);
    tap(index, "hidden", 0, hidden);
    for (let layer = 0; layer < count; layer++) {
      const tapBlock = (site: Site, state: Matrix) => tap(index, site, layer, state);
      hidden = recordBlock(pass, stack, layer, hidden, memory, tapBlock);
      tap(index, "hidden", layer + 1, hidden);
    }
    if (stack.finalNorm && count === stack.spec.blocks) {
      memory = recordNorm(pass, hidden, stack.finalNorm, `${stack.spec.prefix}final norm`);
      tap(index, "hidden", count + 1, memory);
    }
  });
}

function recordEmbedding(
  pass: Pass,
  embedding: Embedding,
  { prefix, startId }: StackSpec,
): Matrix {
  const { workspace, batch, spec } = pass;
  // It is written at once, before what is recorded runs, so that each stack needs its own.
  let hidden = workspace.matrix(`${prefix}embedding`, batch.tokens, embedding.width);
  fillTexels(hidden, embed(embedding, batch, startId), batch.tokens);
  if (embedding.norm) hidden = recordNorm(pass, hidden, embedding.norm, "embedding normed");
  if (embedding.projection) {
    hidden = recordLinear(pass, hidden, embedding.projection, "projected", spec.width);
  }
  return hidden;
}

/**
 * Records a block: attention, where there is one attention to the memory, feed-forward network,
 * each added to what it reads. The norms come before each (pre) or after each sum (post).
 */
function recordBlock(
  pass: Pass,
  stack: Stack,
  layer: number,
  hidden: Matrix,
  memory: Matrix | undefined,
  tap: (site: Site, state: Matrix) => void,
): Matrix {
  const { width, norm: { place } } = pass.spec;
  const { attention, crossAttention, ffn } = stack.blocks[layer]!;
  const before = (x: Matrix, weights: NormWeights | undefined) =>
    place === "pre" && weights ? recordNorm(pass, x, weights, "normed") : x;
  const after = (x: Matrix, weights: NormWeights | undefined, name: string) =>
    place === "post" && weights ? recordNorm(pass, x, weights, name) : x;
  const addTo = (residual: Matrix, x: Matrix, weights: Linear, name: string) =>
    recordLinear(pass, x, weights, name, width, { residual });

  const attended = recordSelfAttention(pass, stack, layer, before(hidden, attention.norm));
  let middle = addTo(hidden, attended, attention.output, "attention sum");
  middle = after(middle, attention.norm, "attention normed");
  if (crossAttention && memory) {
    const input = before(middle, crossAttention.norm);
    const found = recordCrossAttention(pass, stack, layer, input, memory);
    middle = addTo(middle, found, crossAttention.output, "cross-attention sum");
    middle = after(middle, crossAttention.norm, "cross-attention normed");
  }
  const input = before(stack.spec.parallelResidual ? hidden : middle, ffn.norm);
  const neuron = recordNeurons(pass, stack.spec, ffn, input, tap);
  // Hidden states alternate between two matrices, for a block reads its input to its end.
  const name = layer % 2 ? "hidden odd" : "hidden even";
  const output = addTo(middle, neuron, ffn.down, place === "post" ? "ffn sum" : name);
  return after(output, ffn.norm, name);
}

/** Records the feed-forward network up to the input of its down projection. */
function recordNeurons(
  pass: Pass,
  { ffn: { activation } }: StackSpec,
  { gate, up }: BlockWeights["ffn"],
  input: Matrix,
  tap: (site: Site, state: Matrix) => void,
): Matrix {
  const { ffnWidth } = pass.spec;
  const activated = recordLinear(pass, input, gate, "activation", ffnWidth, { activation });
  tap("activation", activated);
  const neuron = up
    ? recordLinear(pass, input, up, "neuron", ffnWidth, { factor: activated })
    : activated;
  tap("neuron", neuron);
  return neuron;
}
