import columnsCode from "../../shaders/logistic_columns.wgsl" with { type: "text" };
import type { Matrix } from "../gpu/matrix.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { cachedCode } from "./code_cache.ts";
import { fieldConstants, type FitState } from "./logistic_state.ts";
import { type ColumnTiles, tileBuffers } from "./logistic_tiles.ts";

/** Records the feasible scale of the dual point (from `g`) or the penalty (of `v`) of each fit. */
export function logisticColumns(
  recorder: Recorder,
  pass: "feasible" | "penalty",
  { v, g, weight }: { v: Matrix; g: Matrix; weight: Matrix },
  tiles: ColumnTiles,
  { state, fitTexels }: FitState,
): void {
  const { lanes } = recorder.gpu;
  recorder.dispatch({
    label: `logistic ${pass}`,
    code: cachedCode(["columns", pass], () =>
      columnsCode + `
@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.fits) { ${pass}(id.x); }
}`),
    constants: { ...fieldConstants, LANES: lanes, TILE: tiles.width },
    reads: { v, g, weight },
    buffers: {
      ...tileBuffers(tiles),
      state: { storage: state, type: "array<f32>", access: "read_write" },
    },
    uints: { fits: v.rows, fit_texels: fitTexels },
    workgroups: [Math.ceil(v.rows / lanes)],
  });
}
