import type { Gpu } from "../gpu/device.ts";
import { type Matrix, rowMultiple } from "../gpu/matrix.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { range } from "../util.ts";
import { pairwiseSum, sharedLoads, unroll } from "./code.ts";
import { cachedCode } from "./code_cache.ts";
import { columnTexels, type ColumnTiles } from "./logistic_tiles.ts";

/**
 * Records `g = r^T x (+ previous)`, for each tile of fits over its own columns only.
 *
 * @param x `[rows, cols]`.
 * @param r `[rows, fits]`.
 * @param g `[fits, cols]`; columns outside a tile's list are left as they are.
 * @param previous What the product is added to, `[fits, cols]`: the sum over earlier rows.
 */
export function logisticGradient(
  recorder: Recorder,
  x: Matrix,
  r: Matrix,
  g: Matrix,
  tiles: ColumnTiles,
  rows = x.rows,
  previous?: Matrix,
): void {
  const { lanes, subgroups } = recorder.gpu;
  const { list, count } = tiles.pieces(lanes);
  recorder.dispatch({
    label: `logistic gradient ${rows}x${g.rows}`,
    code: cachedCode(["gradient", lanes, subgroups, tiles.width, tiles.live, !!previous], () => `
fn finish(fit: u32, texel: u32, sum: vec4f) {
  if (fit < params.fits) {
    store_g(fit, texel, sum${previous ? " + load_previous(fit, texel)" : ""});
  }
}
${outerProductCode(recorder.gpu, tiles, "finish(fit + FIT, q, SUM);")}`),
    reads: previous ? { x, r, previous } : { x, r },
    writes: { g },
    buffers: { texels: columnTexels(tiles), pieces: list },
    uints: { rows, fits: g.rows },
    workgroups: [count],
    operations: 2 * rows * tiles.live * tiles.columns,
  });
}

/**
 * Records `gram = scale x^T x (+ previous)`. Only tiles on or above the diagonal are multiplied;
 * each block of four by four is stored with its mirror image. With `weights` `[rows, fits]` each
 * row counts with the weight of the first fit.
 *
 * @param x `[rows, cols]`.
 * @param gram `[cols, cols]`.
 * @param tiles One list of all texels for every tile of columns.
 */
export function recordGram(
  recorder: Recorder,
  x: Matrix,
  gram: Matrix,
  tiles: ColumnTiles,
  scale: number,
  rows = x.rows,
  previous?: Matrix,
  weights?: Matrix,
): void {
  const { lanes, subgroups } = recorder.gpu;
  const store = (t: number, sums: string[]) => `
    finish(fit / 4u + ${t}u, q, mat4x4f(${sums.join(", ")}));`;
  const { list, count } = tiles.pieces(lanes, "upper");
  recorder.dispatch({
    label: `gram ${rows}x${x.cols}`,
    code: cachedCode(
      ["gram", lanes, subgroups, tiles.width, tiles.live, !!previous, !!weights],
      () => `
fn add(row: u32, texel: u32, sum: vec4f) {
  ${
        previous
          ? "let total = params.scale * sum + load_previous(row, texel);"
          : "let total = params.scale * sum;"
      }
  store_g(row, texel, total);
}
fn finish(p: u32, q: u32, block: mat4x4f) {
  // Only one of two invocations that come by the same block stores it: they may round differently.
  if (p >= params.texels || q < p) { return; }
  let mirror = transpose(block);
  for (var i = 0u; i < 4u; i++) {
    add(4u * p + i, q, block[i]);
    if (p != q) { add(4u * q + i, p, mirror[i]); }
  }
}
${
        outerProductCode(
          recorder.gpu,
          tiles,
          store,
          weights ? "load_weights(ROW, 0u).x" : undefined,
        )
      }`,
    ),
    reads: { x, r: x, ...(previous && { previous }), ...(weights && { weights }) },
    writes: { g: gram },
    buffers: { texels: columnTexels(tiles), pieces: list },
    uints: { rows, texels: x.texels },
    floats: { scale },
    workgroups: [count],
    operations: rows * x.cols ** 2,
  });
}

/**
 * Rows that are multiplied together, so that each sum is loaded and stored once for all of them.
 */
const rowsInFlight = rowMultiple;

/**
 * An outer product summed over the rows: lanes run along the texels of a list, an invocation owns
 * one of them (four columns) and a tile of fits.
 *
 * @param store The statement for FIT and SUM, or for a texel of fits and its four sums; `q` is the
 * texel of columns and `fit` the tile's first fit.
 */
function outerProductCode(
  gpu: Gpu,
  { width, live }: ColumnTiles,
  store: string | ((t: number, sums: string[]) => string),
  weight?: string,
): string {
  const { lanes } = gpu;
  const fitTexels = Math.ceil(live / 4);
  const loadR = (row: string, t: string) =>
    `load_r(${row}, fit / 4u + ${t})${weight ? ` * ${weight.replace("ROW", row)}` : ""}`;
  const add = (n: number) => {
    const products = range(rowsInFlight).map((i) => `x${i} * r${i}_${n >> 2}.${"xyzw"[n & 3]}`);
    return `s${n} = s${n} + ${pairwiseSum(products)};`;
  };
  const results = typeof store === "string"
    ? unroll(live, (n) => store.replace("FIT", `${n}u`).replace("SUM", `s${n}`))
    : unroll(width / 4, (t) => store(t, [0, 1, 2, 3].map((c) => `s${4 * t + c}`)));
  return `
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let fit = pieces[2u * group.x].x * ${width}u;
  let span = pieces[2u * group.x + 1u];
  let first = span.x + pieces[2u * group.x].y;
  let q = texels[min(first + lane, span.y - 1u)];
  ${unroll(width, (n) => `var s${n} = vec4f(0.0);`)}
  for (var row = 0u; row < params.rows; row += ${rowsInFlight}u) {
    ${residualLoads(gpu, fitTexels, loadR)}
    ${unroll(rowsInFlight, (i) => `let x${i} = load_x(row + ${i}u, q);`)}
    ${unroll(live, add)}
  }
  if (first + lane < span.y) { ${results} }
}
`;
}

/** Code that brings texel t of the residuals of each row in flight to every lane. */
function residualLoads(
  gpu: Gpu,
  fitTexels: number,
  load: (row: string, t: string) => string,
): string {
  const count = rowsInFlight * fitTexels;
  const name = (n: number) => `r${Math.floor(n / fitTexels)}_${n % fitTexels}`;
  const texel = (n: string) => load(`row + (${n}) / ${fitTexels}u`, `(${n}) % ${fitTexels}u`);
  return sharedLoads(gpu, count, name, texel);
}
