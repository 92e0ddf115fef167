import type { Gpu } from "../gpu/device.ts";
import { type Matrix, writeMatrix } from "../gpu/matrix.ts";
import { StorageBuffer } from "../gpu/memory.ts";
import { readMatrix } from "../gpu/read_matrix.ts";
import { readStorage } from "../gpu/read_storage.ts";
import { Recorder } from "../gpu/recorder.ts";
import { idleStaging } from "../gpu/staging.ts";

/** What `spindle bench` measures. */
export const kernelNames = [
  "matmul",
  "attention",
  "norm",
  "pool",
  "logistic",
  "forward",
] as const;

export type KernelName = typeof kernelNames[number];

/** One way to compute what a problem asks for. */
export interface Variant {
  readonly name: string;
  /** The step of a ladder that it is, in words for a learner. */
  readonly lesson?: string;
  /** The step that it changes, where that is not the one before. */
  readonly builtOn?: string;
  /** Records one run. */
  record(recorder: Recorder): void;
  /** What a run writes. */
  readonly output: Matrix | StorageBuffer;
  /** What of the output is compared; all where not given. */
  pick?(output: Float32Array): Float32Array;
}

/** A kernel, numbers for it, and what it should make of them. Dispose it to free its memory. */
export interface Problem extends Disposable {
  readonly kernel: KernelName;
  readonly shape: readonly number[];
  /** The useful work of one run: operations, or bytes read and written at least. */
  readonly work: { readonly flops: number } | { readonly bytes: number };
  readonly variants: readonly Variant[];
  /** The largest difference that rounding in float32 explains, see `largestError`. */
  readonly bound: number;
  /** What the variants should compute, in float64. */
  expected(): Float64Array;
}

/**
 * Runs a variant once and reads what it computed. Before, all memory that it could write to is made
 * not a number: what another variant left there would pass for its own.
 */
export async function runOnce(
  gpu: Gpu,
  { record, output, pick }: Omit<Variant, "name">,
): Promise<Float32Array> {
  idleStaging(gpu).forEach(spoil);
  if (output instanceof StorageBuffer) spoil(output);
  else writeMatrix(output, new Float32Array(output.rows * output.cols).fill(NaN));
  using recorder = new Recorder(gpu);
  record(recorder);
  recorder.submit();
  const found = output instanceof StorageBuffer
    ? new Float32Array(await readStorage(output))
    : await readMatrix(output);
  return pick ? pick(found) : found;
}

function spoil(storage: StorageBuffer): void {
  storage.write(new Float32Array(storage.buffer.size / 4).fill(NaN));
}
