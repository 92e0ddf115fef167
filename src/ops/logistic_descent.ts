import descentCode from "../../shaders/logistic_descent.wgsl" with { type: "text" };
import powerCode from "../../shaders/logistic_power.wgsl" with { type: "text" };
import stepsCode from "../../shaders/logistic_steps.wgsl" with { type: "text" };
import type { Matrix } from "../gpu/matrix.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { fieldConstants, type FitState } from "./logistic_rows.ts";
import { type ColumnTiles, tileBuffers, unroll } from "./logistic_tiles.ts";

/** What a step on the quadratic model reads and writes, all `[fits, cols]` but `gram`. */
export interface DescentOperands {
  /** `[cols, cols]`. */
  readonly gram: Matrix;
  /** The point about which the model is made, and the gradient there. */
  readonly y: Matrix;
  readonly g: Matrix;
  readonly weight: Matrix;
  /** Differences from `y`: the extrapolated point and the last point, before and after. */
  readonly e: Matrix;
  readonly u: Matrix;
  readonly eNext: Matrix;
  readonly uNext: Matrix;
}

/**
 * Records one accelerated proximal step of every fit on its quadratic model
 * `g (u - y) + curvature / 2 (u - y) gram (u - y) + penalty`.
 *
 * @param first Whether `e` and `u` are zero, whatever they hold.
 */
export function descentStep(
  recorder: Recorder,
  { gram, y, g, weight, e, u, eNext, uNext }: DescentOperands,
  tiles: ColumnTiles,
  fits: FitState,
  first: boolean,
): void {
  product(
    recorder,
    "descend",
    { gram, y, g, weight, e, u },
    {
      e_next: eNext,
      u_next: uNext,
    },
    tiles,
    fits,
    first,
  );
  sumTiles(recorder, "momentum", tiles, fits, first);
}

/**
 * Records one step of the power method on the Gram matrix of each fit's columns:
 * `e_next = gram e / norm(e)`.
 */
export function powerStep(
  recorder: Recorder,
  { gram, weight, e, eNext }: Pick<DescentOperands, "gram" | "weight" | "e" | "eNext">,
  tiles: ColumnTiles,
  fits: FitState,
): void {
  product(recorder, "power", { gram, weight, e }, { e_next: eNext }, tiles, fits, false);
  sumTiles(recorder, "norm", tiles, fits, false);
}

/** Records `e_next = 1` in the columns that a fit may use: where the power method starts. */
export function powerStart(
  recorder: Recorder,
  { gram, weight, e, eNext }: Pick<DescentOperands, "gram" | "weight" | "e" | "eNext">,
  tiles: ColumnTiles,
  fits: FitState,
): void {
  product(recorder, "power", { gram, weight, e }, { e_next: eNext }, tiles, fits, true);
  sumTiles(recorder, "norm", tiles, fits, true);
}

function product(
  recorder: Recorder,
  step: "descend" | "power",
  reads: Record<string, Matrix>,
  writes: Record<string, Matrix>,
  tiles: ColumnTiles,
  { state, partials, fitTexels }: FitState,
  first: boolean,
): void {
  const { lanes } = recorder.gpu;
  const texels = tileTexels(recorder, tiles);
  recorder.dispatch({
    label: `logistic ${step} ${reads["e"]!.rows}x${reads["gram"]!.cols}`,
    code: (step === "power" ? powerCode : descentCode) +
      productCode(step, texels, tiles.width, lanes),
    constants: fieldConstants,
    reads,
    writes,
    buffers: {
      ...tileBuffers(tiles),
      state: { storage: state, type: "array<vec4f>", access: "read" },
      partials: { storage: partials, type: "array<vec4f>", access: "read_write" },
    },
    uints: { fits: reads["e"]!.rows, fit_texels: fitTexels, first: Number(first) },
    workgroups: [tiles.count, Math.ceil(tiles.longest / (lanes * texels))],
  });
}

/** Adds up what the workgroups of a product left, and draws the conclusion for each fit. */
function sumTiles(
  recorder: Recorder,
  conclusion: "momentum" | "norm",
  tiles: ColumnTiles,
  { state, partials, fitTexels }: FitState,
  first: boolean,
): void {
  const { lanes } = recorder.gpu;
  recorder.dispatch({
    label: `logistic ${conclusion}`,
    code: stepsCode + `
@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.fit_texels) { ${conclusion}(id.x); }
}`,
    constants: {
      ...fieldConstants,
      LANES: lanes,
      TILE: tiles.width,
      COLUMNS: lanes * tileTexels(recorder, tiles),
    },
    buffers: {
      spans: tileBuffers(tiles)["spans"]!,
      state: { storage: state, type: "array<vec4f>", access: "read_write" },
      partials: { storage: partials, type: "array<vec4f>", access: "read" },
    },
    uints: { fit_texels: fitTexels, first: Number(first) },
    workgroups: [Math.ceil(fitTexels / lanes)],
  });
}

/** Texels of columns that an invocation of the product owns. */
function tileTexels(recorder: Recorder, tiles: ColumnTiles): number {
  return recorder.gpu.adapter.software ? (tiles.width === 8 ? 3 : 2) : 1;
}

/**
 * `e gram` for a tile: lanes run along the texels of the tile's list, an invocation owns `texels`
 * of them and the tile's fits. Each step returns what is to be summed over the columns.
 */
function productCode(step: string, texels: number, fits: number, lanes: number): string {
  const loadE = (n: number) => n < fits ? `let e${n} = load_e(fit + ${n}u, k);` : "";
  return `
var<workgroup> scratch: array<vec4f, ${(lanes * fits) / 4}>;

@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let fit = group.x * ${fits}u;
  let span = spans[group.x];
  let first = span.x + group.y * ${lanes * texels}u;
  if (first >= span.y) { return; }
  ${unroll(texels, (q) => `let q${q} = texels[min(first + lane + ${q * lanes}u, span.y - 1u)];`)}
  ${unroll(texels, (q) => unroll(fits, (n) => `var s${q}_${n} = vec4f(0.0);`))}
  let end = select(span.y, span.x, params.first == 1u);
  for (var i = span.x; i < end; i++) {
    let k = texels[i];
    ${unroll(texels, (q) => unroll(4, (c) => `let m${q}_${c} = load_gram(4u * k + ${c}u, q${q});`))}
    ${loadE(0)} ${loadE(1)}
    ${
    unroll(fits, (n) =>
      loadE(n + 2) + "\n" +
      unroll(
        texels,
        (q) =>
          `s${q}_${n} = s${q}_${n} + m${q}_0 * e${n}.x + m${q}_1 * e${n}.y + m${q}_2 * e${n}.z + m${q}_3 * e${n}.w;`,
      ))
  }
  }
  ${unroll(fits, (n) => `var d${n} = 0.0;`)}
  ${
    unroll(texels, (q) =>
      `if (first + lane + ${q * lanes}u < span.y) {` +
      unroll(
        fits,
        (n) =>
          `if (fit + ${n}u < params.fits) { d${n} += ${step}(fit + ${n}u, q${q}, s${q}_${n}); }`,
      ) +
      `}`)
  }
  ${
    unroll(fits / 4, (t) =>
      `scratch[lane * ${fits / 4}u + ${t}u] = vec4f(${
        [0, 1, 2, 3].map((c) =>
          `d${4 * t + c}`
        ).join(", ")
      });`)
  }
  workgroupBarrier();
  if (lane < ${fits / 4}u) {
    var sum = vec4f(0.0);
    for (var i = 0u; i < ${lanes}u; i++) { sum += scratch[i * ${fits / 4}u + lane]; }
    partials[group.y * params.fit_texels + fit / 4u + lane] = sum;
  }
}
`;
}
