import nonfiniteCode from "../../shaders/nonfinite.wgsl" with { type: "text" };
import poolCode from "../../shaders/pool.wgsl" with { type: "text" };
import unpackCode from "../../shaders/unpack.wgsl" with { type: "text" };
import type { Matrix } from "../gpu/matrix.ts";
import type { StorageBuffer } from "../gpu/memory.ts";
import type { Recorder } from "../gpu/recorder.ts";

/**
 * Ways to make one vector of a sentence's token states, in the order in which results hold them.
 */
export const pools = ["first", "last", "max", "mean"] as const;

/** A way to make one vector of a sentence's token states. */
export type Pool = typeof pools[number];

const codeOfPools = nonfiniteCode + poolCode;

/** A part of a storage buffer, in bytes. */
interface Span {
  readonly storage: StorageBuffer;
  readonly offset: number;
  readonly size: number;
}

/**
 * Records the pooling of the sentences of a batch.
 *
 * @param x `[tokens, width]`.
 * @param sentences Pairs (first row, end row), uint32.
 * @param count How many sentences there are.
 * @param wanted The pools; results come in the order of {@linkcode pools}.
 * @param out Receives float32 `[pools, sentences, 4 * ceil(width / 4)]`.
 */
export function pool(
  recorder: Recorder,
  x: Matrix,
  sentences: StorageBuffer,
  count: number,
  wanted: readonly Pool[],
  out: Span,
): void {
  const { lanes } = recorder.gpu;
  const flags = pools.map((name) => [name.toUpperCase(), wanted.includes(name) ? 1 : 0] as const);
  recorder.dispatch({
    label: "pool",
    code: codeOfPools,
    constants: { LANES: lanes, ...Object.fromEntries(flags) },
    reads: { x },
    buffers: {
      sentences: { storage: sentences, type: "array<vec2u>", access: "read" },
      out: { ...out, type: "array<vec4f>", access: "read_write" },
    },
    uints: { texels: x.texels, sentences: count, step: spreadStep(count) },
    workgroups: [Math.ceil(x.texels / lanes), count],
  });
}

/**
 * A step that leads to each of `count` sentences once and spreads neighbours over all of them. A
 * thread of a software driver takes a piece of the grid, and pieces of sentences in the order of
 * their lengths would be unequal.
 */
export function spreadStep(count: number): number {
  const divisor = (a: number, b: number): number => b === 0 ? a : divisor(b, a % b);
  let step = Math.max(1, Math.round(0.618 * count));
  while (divisor(step, count) > 1) step++;
  return step;
}

/** Records a copy of the first `rows` rows of `x` into float32 `[rows, 4 * ceil(width / 4)]`. */
export function unpack(recorder: Recorder, x: Matrix, rows: number, out: Span): void {
  const { lanes } = recorder.gpu;
  recorder.dispatch({
    label: "unpack",
    code: unpackCode,
    constants: { LANES: lanes },
    reads: { x },
    buffers: { out: { ...out, type: "array<vec4f>", access: "read_write" } },
    uints: { rows, texels: x.texels },
    workgroups: [Math.ceil(rows / lanes), x.texels],
  });
}
