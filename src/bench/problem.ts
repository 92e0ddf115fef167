import type { Recorder } from "../gpu/recorder.ts";

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
  /** Records one run. */
  record(recorder: Recorder): void;
  /** Reads what the last run computed. */
  read(): Promise<ArrayLike<number>>;
}

/** A kernel, numbers for it, and what it should make of them. Dispose it to free its memory. */
export interface Problem extends Disposable {
  readonly kernel: KernelName;
  readonly shape: readonly number[];
  /** The useful work of one run: operations, or bytes read and written at least. */
  readonly work: { readonly flops: number } | { readonly bytes: number };
  readonly variants: readonly Variant[];
  /** The largest difference that rounding in float32 explains, see {@linkcode largestError}. */
  readonly bound: number;
  /** What the variants should compute, in float64. */
  expected(): Float64Array;
}

/** The largest difference of two lists, in units of `max(1, largest expected value)`. */
export function largestError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let scale = 1;
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    if (!(difference <= worst)) worst = Number.isNaN(difference) ? Infinity : difference;
    scale = Math.max(scale, Math.abs(expected[i]!));
  }
  return worst / scale;
}
