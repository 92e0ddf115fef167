import code from "../../shaders/rotary.wgsl" with { type: "text" };
import type { Matrix } from "../gpu/matrix.ts";
import type { StorageBuffer } from "../gpu/memory.ts";
import type { Recorder } from "../gpu/recorder.ts";

/** The RMS norm of each head before it turns. */
interface HeadNorm {
  /** `[heads, head]`. */
  readonly gain: Matrix;
  /** Neurons of a head without its padding. */
  readonly headWidth: number;
  /** Added to the mean of squares. */
  readonly epsilon: number;
}

/**
 * Records the rotation of query and key heads by their positions.
 *
 * @param x `[rows, columns]`, its first columns the heads, each padded to whole texels.
 * @param y `[rows, 4 * heads * headTexels]`.
 * @param positions uint32 `[rows]`.
 * @param table `[positions, 4 * headTexels]`: a pair (cosine, sine) for each pair of columns.
 */
export function rotary(
  recorder: Recorder,
  x: Matrix,
  y: Matrix,
  rows: number,
  positions: StorageBuffer,
  table: Matrix,
  norm?: HeadNorm,
): void {
  const { lanes } = recorder.gpu;
  const headTexels = table.texels;
  recorder.dispatch({
    label: "rotary",
    code,
    constants: { LANES: lanes, HEAD_TEXELS: headTexels, NORM: norm ? 1 : 0 },
    // The kernel has to be given a gain even where it reads none.
    reads: { x, table, gain: norm?.gain ?? table },
    writes: { y },
    writtenRows: rows,
    buffers: { positions: { storage: positions, type: "array<u32>", access: "read" } },
    uints: { rows, head_width: norm?.headWidth ?? 0 },
    floats: { epsilon: norm?.epsilon ?? 0 },
    workgroups: [Math.ceil(rows / lanes), y.texels / headTexels],
  });
}
