import { join, resolve } from "node:path";
import { exists } from "../formats/files.ts";
import { openModelWeights } from "../formats/safetensors.ts";
import type { Gpu } from "../gpu/device.ts";
import { type Precision, requirePrecision } from "../gpu/precision.ts";
import { tuneOnFirstUse } from "../tuning/first_use.ts";
import { loadBlock, type Loader, loadNorm } from "./block_weights.ts";
import { loadEmbedding } from "./embedding.ts";
import { readModel } from "./family.ts";
import { stampFiles } from "./files.ts";
import { bandBytes } from "./host_matrix.ts";
import { Model } from "./model.ts";
import type { Stack } from "./pass.ts";
import { loadRelativeBias } from "./relative_bias.ts";
import type { StackRefs, StackSpec } from "./spec.ts";
import { blocksToRun, findStates, listStates } from "./states.ts";
import { loadTokenizer } from "./tokenizer.ts";
import { WeightReader } from "./weights.ts";

/** Choices of {@linkcode loadModel}. */
export interface ModelOptions {
  /** How weights lie in GPU memory; sums are float32 either way. Default `f32`. */
  readonly weights?: Precision | undefined;
  /** The names of the only states that will be captured: what they do not need is not loaded. */
  readonly states?: readonly string[] | undefined;
}

/**
 * Loads a model from a folder with `config.json`, `model.safetensors` (or shards with their index)
 * and, where there is one, `tokenizer.json`.
 *
 * @param gpu Where the weights go.
 * @param folder The folder.
 * @param options How the weights are kept, and which states will be captured.
 * @returns The model; dispose it when done.
 * @throws {SpindleError} If the family, a state of `states` or the float type of the weights is
 * unknown, a file or tensor missing or malformed, the GPU disposed, or it has no memory for the
 * weights.
 */
export async function loadModel(
  gpu: Gpu,
  folder: string,
  options: ModelOptions = {},
): Promise<Model> {
  gpu.check();
  const precision = requirePrecision(options.weights);
  // Before anything is read, so that what changes from here on is noticed.
  const stamp = stampFiles(folder);
  const { spec, refs } = readModel(folder);
  using source = openModelWeights(folder);
  using onFailure = new DisposableStack();
  const reader = new WeightReader(source, spec, refs);
  const scratch = new ArrayBuffer(bandBytes);
  const loader: Loader = { gpu, reader, spec, precision, owned: onFailure, scratch };
  const wanted = options.states ? findStates(spec, options.states) : listStates(spec);
  const embedding = loadEmbedding(loader, refs.embedding);
  const counts = blocksToRun(spec, wanted);
  const stacks = spec.stacks.map((stack, i) =>
    loadStack(loader, stack, refs.stacks[i]!, counts[i] ?? 0)
  );
  const tokenizer = exists(join(folder, "tokenizer.json")) ? loadTokenizer(folder) : undefined;
  await gpu.settle(); // weights for which there was no memory are told of
  await tuneOnFirstUse(gpu);
  return new Model(
    gpu,
    resolve(folder),
    stamp,
    spec,
    precision,
    embedding,
    stacks,
    tokenizer,
    onFailure.move(),
  );
}

function loadStack(loader: Loader, spec: StackSpec, refs: StackRefs, count: number): Stack {
  const { attention } = spec;
  const { finalNorm, relativeBias } = refs;
  return {
    spec,
    blocks: Array.from(
      { length: count },
      (_, layer) => loadBlock(loader, attention, attention.rotary?.[layer], refs.block(layer)),
    ),
    finalNorm: finalNorm && loadNorm(loader, finalNorm, loader.spec.width),
    relativeBias: relativeBias && loadRelativeBias(loader, attention, relativeBias),
  };
}
