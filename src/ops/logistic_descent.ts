import descentCode from "../../shaders/logistic_descent.wgsl" with { type: "text" };
import proxCode from "../../shaders/logistic_prox.wgsl" with { type: "text" };
import stepsCode from "../../shaders/logistic_steps.wgsl" with { type: "text" };
import type { Gpu } from "../gpu/device.ts";
import type { Matrix } from "../gpu/matrix.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { pairwiseSum, unroll } from "./code.ts";
import { cachedCode } from "./code_cache.ts";
import { fieldConstants, type FitState } from "./logistic_state.ts";
import { columnTexels, type ColumnTiles, fitLoads, tileBuffers } from "./logistic_tiles.ts";

/**
 * What a step on the quadratic model reads and writes; `shaders/logistic_descent.wgsl` tells more.
 */
interface DescentOperands {
  /** `(gram + ridge I)^-1` of each set of columns, one below the other. */
  readonly inverse: Matrix;
  /** Penalty weights `[sets, cols]`. */
  readonly weight: Matrix;
  /** `[fits, cols]`: the point about which the model is made, and the gradient there. */
  readonly y: Matrix;
  readonly g: Matrix;
  /** `[2 fits, cols]`: what the inverse is multiplied with, and the point before it is shrunk. */
  readonly iterate: Matrix;
  readonly next: Matrix;
}

/**
 * Records one step of every fit on its quadratic model.
 *
 * @param step Which step it is, from 0.
 * @param isLooked Whether it is looked which fits are done, as it must be at the first step and the
 * last.
 * @param enough A fit is done when the squared length of a step falls to this share of the first.
 */
export function descentStep(
  recorder: Recorder,
  { inverse, weight, y, g, iterate, next }: DescentOperands,
  tiles: ColumnTiles,
  fits: FitState,
  { ridge, step, isLooked, enough }: {
    ridge: number;
    step: number;
    isLooked: boolean;
    enough: number;
  },
): void {
  const { state, partials, fitTexels } = fits;
  const { gpu } = recorder;
  const { lanes } = gpu;
  const texels = gpu.adapter.software ? (tiles.live > 8 ? 2 : 3) : 1;
  const { list, count } = tiles.pieces(lanes * texels);
  recorder.dispatch({
    label: `logistic descend ${y.rows}x${y.cols}`,
    code: cachedCode(
      ["descent", texels, lanes, gpu.subgroups, tiles.width, tiles.live],
      () => proxCode + descentCode + productCode(gpu, texels, tiles),
    ),
    constants: { ...fieldConstants, TILE: tiles.width },
    reads: { inverse, weight, y, g, iterate },
    writes: { next },
    buffers: {
      texels: columnTexels(tiles),
      pieces: list,
      state: { storage: state, type: "array<f32>", access: "read" },
      partials: { storage: partials, type: "array<vec4f>", access: "read_write" },
    },
    uints: { fit_texels: fitTexels, step },
    floats: { ridge },
    workgroups: [count],
    operations: 2 * tiles.live * tiles.columns * 4 * tiles.longest,
  });
  if (isLooked) lookForDone(recorder, tiles, fits, lanes * texels, { step, enough });
}

/**
 * Records the look which fits are done.
 *
 * @param columns Texels of columns that a workgroup of the step took.
 */
function lookForDone(
  recorder: Recorder,
  tiles: ColumnTiles,
  { state, partials, fitTexels }: FitState,
  columns: number,
  { step, enough }: { step: number; enough: number },
): void {
  const { lanes } = recorder.gpu;
  recorder.dispatch({
    label: "logistic steps",
    code: stepsCode,
    constants: { ...fieldConstants, LANES: lanes, TILE: tiles.width, COLUMNS: columns },
    buffers: {
      spans: tileBuffers(tiles).spans,
      state: { storage: state, type: "array<vec4f>", access: "read_write" },
      partials: { storage: partials, type: "array<vec4f>", access: "read" },
    },
    uints: { tiles: tiles.count, fit_texels: fitTexels, step },
    floats: { enough },
    workgroups: [Math.ceil(tiles.count / lanes)],
  });
}

/**
 * `q inverse` for a tile: lanes run along the texels of the tile's list, an invocation owns
 * `texels` of them and the tile's fits.
 */
function productCode(gpu: Gpu, texels: number, tiles: ColumnTiles): string {
  const { lanes } = gpu;
  const { width, live } = tiles;
  const quarter = width / 4;
  const product = (c: number, n: number) =>
    pairwiseSum(["x", "y", "z", "w"].map((part, r) => `m${c}_${r} * q${n}.${part}`));
  return `
var<workgroup> scratch: array<vec4f, ${lanes * quarter}>;

@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let fit = pieces[2u * group.x].x * ${width}u;
  let first = pieces[2u * group.x].y;
  let span = pieces[2u * group.x + 1u];
  let length = span.y - span.x;
  if (params.step > 0u && is_idle(INNER_DONE * 4u * params.fit_texels + fit)) { return; }
  ${unroll(texels, (c) => `let c${c} = min(first + lane + ${c * lanes}u, length - 1u);`)}
  ${unroll(texels, (c) => unroll(live, (n) => `var s${c}_${n} = vec4f(0.0);`))}
  for (var i = 0u; i < length; i++) {
    let k = texels[span.x + i];
    let row = span.z + 4u * i;
    ${unroll(texels, (c) => unroll(4, (r) => `let m${c}_${r} = load_inverse(row + ${r}u, c${c});`))}
    ${fitLoads(gpu, tiles, (n) => `q${n}`, (fit) => `load_iterate(2u * (${fit}), k)`)}
    ${unroll(texels, (c) => unroll(live, (n) => `s${c}_${n} = s${c}_${n} + ${product(c, n)};`))}
  }
  ${unroll(width, (n) => `var d${n} = 0.0;`)}
  ${
    unroll(texels, (c) =>
      `if (first + lane + ${c * lanes}u < length) {
         let k = texels[span.x + c${c}];` +
      unroll(live, (n) => `d${n} += descend(fit + ${n}u, span.w, k, s${c}_${n});`) +
      `}`)
  }
  ${
    unroll(quarter, (t) =>
      `scratch[lane * ${quarter}u + ${t}u] = vec4f(${
        [0, 1, 2, 3].map((c) =>
          `d${4 * t + c}`
        ).join(", ")
      });`)
  }
  workgroupBarrier();
  if (lane < ${quarter}u) {
    var sum = vec4f(0.0);
    for (var i = 0u; i < ${lanes}u; i++) { sum += scratch[i * ${quarter}u + lane]; }
    partials[first / ${lanes * texels}u * params.fit_texels + fit / 4u + lane] = sum;
  }
}
`;
}
