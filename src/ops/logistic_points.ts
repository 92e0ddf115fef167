import acceptCode from "../../shaders/logistic_accept.wgsl" with { type: "text" };
import beginCode from "../../shaders/logistic_begin.wgsl" with { type: "text" };
import extrapolateCode from "../../shaders/logistic_extrapolate.wgsl" with { type: "text" };
import proxCode from "../../shaders/logistic_prox.wgsl" with { type: "text" };
import type { Matrix } from "../gpu/matrix.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { cachedCode } from "./code_cache.ts";
import { fieldConstants, type FitState } from "./logistic_state.ts";
import { type ColumnTiles, tileBuffers } from "./logistic_tiles.ts";

const codes = { extrapolate: extrapolateCode, begin: beginCode, accept: acceptCode };

/**
 * Records an elementwise step on coefficients `[fits, cols]`: `extrapolate` (a: the accepted point,
 * b: the one before), `begin` (a: y, b: the gradient, even and odd: the two last iterates; writes
 * the next one) or `accept` (a, b: the two last iterates). `shaders/logistic_descent.wgsl` tells
 * what an iterate is.
 *
 * @param weight Penalty weights `[sets, cols]`.
 */
export function logisticPoints(
  recorder: Recorder,
  step: keyof typeof codes,
  reads: { a: Matrix; b: Matrix; weight: Matrix; even?: Matrix; odd?: Matrix },
  out: Matrix,
  tiles: ColumnTiles,
  { state, fitTexels }: FitState,
  ridge: number,
): void {
  const { lanes } = recorder.gpu;
  recorder.dispatch({
    label: `logistic ${step}`,
    code: cachedCode(["points", step], () =>
      proxCode + codes[step] + `
@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.fits) { ${step}(id.x, id.y); }
}`),
    constants: { ...fieldConstants, LANES: lanes, TILE: tiles.width },
    reads: { ...reads },
    writes: { out },
    buffers: {
      spans: tileBuffers(tiles).spans,
      state: { storage: state, type: "array<f32>", access: "read" },
    },
    uints: { fits: 4 * fitTexels, fit_texels: fitTexels },
    floats: { ridge },
    workgroups: [Math.ceil(4 * fitTexels / lanes), out.texels],
  });
}
