import code from "../../shaders/norm.wgsl" with { type: "text" };
import type { Matrix } from "../gpu/matrix.ts";
import type { Recorder } from "../gpu/recorder.ts";

/** A norm's weights, `[1, width]` each; the bias is zero where a family has none. */
export interface NormWeights {
  readonly gain: Matrix;
  readonly bias: Matrix;
}

/**
 * Records the layer (or RMS) norm of each row of `x` into `y`.
 *
 * @param x `[rows, width]`.
 * @param y `[rows, width]`.
 */
export function norm(
  recorder: Recorder,
  kind: "layer" | "rms",
  x: Matrix,
  { gain, bias }: NormWeights,
  y: Matrix,
  rows: number,
  epsilon: number,
): void {
  const { lanes } = recorder.gpu;
  recorder.dispatch({
    label: `${kind} norm`,
    code,
    constants: { LANES: lanes, RMS: kind === "rms" ? 1 : 0 },
    reads: { x, gain, bias },
    writes: { y },
    writtenRows: rows,
    uints: { rows, width: x.cols },
    floats: { epsilon },
    workgroups: [Math.ceil(rows / lanes)],
  });
}
