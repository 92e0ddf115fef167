import pointsCode from "../../shaders/logistic_points.wgsl" with { type: "text" };
import type { Matrix } from "../gpu/matrix.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { fieldConstants, type FitState } from "./logistic_rows.ts";

/**
 * Records `out = a + b`, the point after a step, or `out = a + momentum (a - b)`, where the next
 * one begins; all are `[fits, cols]`.
 */
export function logisticPoint(
  recorder: Recorder,
  step: "accept" | "extrapolate",
  a: Matrix,
  b: Matrix,
  out: Matrix,
  { state, fitTexels }: FitState,
): void {
  const { lanes } = recorder.gpu;
  recorder.dispatch({
    label: `logistic ${step}`,
    code: pointsCode + `
@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.fits) { ${step}(id.x, id.y); }
}`,
    constants: { ...fieldConstants, LANES: lanes },
    reads: { a, b },
    writes: { out },
    buffers: { state: { storage: state, type: "array<f32>", access: "read" } },
    uints: { fits: out.rows, fit_texels: fitTexels },
    workgroups: [Math.ceil(out.rows / lanes), out.texels],
  });
}
