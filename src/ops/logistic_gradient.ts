import type { Matrix } from "../gpu/matrix.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { type ColumnTiles, tileBuffers, unroll } from "./logistic_tiles.ts";

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
  const { lanes, adapter } = recorder.gpu;
  const texels = adapter.software ? (tiles.width === 8 ? 4 : 3) : 1;
  recorder.dispatch({
    label: `logistic gradient ${rows}x${g.rows}`,
    code: `
fn finish(fit: u32, texel: u32, sum: vec4f) {
  if (fit < params.fits) {
    store_g(fit, texel, sum${previous ? " + load_previous(fit, texel)" : ""});
  }
}
${outerProductCode(texels, tiles, lanes, "false", "finish(fit + FIT, q, SUM);")}`,
    reads: previous ? { x, r, previous } : { x, r },
    writes: { g },
    buffers: tileBuffers(tiles),
    uints: { rows, fits: g.rows },
    workgroups: [tiles.count, Math.ceil(tiles.longest / (lanes * texels))],
  });
}

/**
 * Records `gram = scale x^T x (+ previous)`. Only tiles on or above the diagonal are multiplied;
 * each block of four by four is stored with its mirror image. With `weights` `[rows, fits]` each row
 * counts with the weight of the first fit.
 *
 * @param x `[rows, cols]`.
 * @param gram `[cols, cols]`.
 * @param tiles One list of all texels for every tile of columns.
 */
export function gram(
  recorder: Recorder,
  x: Matrix,
  gram: Matrix,
  tiles: ColumnTiles,
  scale: number,
  rows = x.rows,
  previous?: Matrix,
  weights?: Matrix,
): void {
  const { lanes, adapter } = recorder.gpu;
  const texels = adapter.software ? 3 : 1;
  const store = (t: number, sums: string[]) => `
    finish(fit / 4u + ${t}u, q, mat4x4f(${sums.join(", ")}));`;
  recorder.dispatch({
    label: `gram ${rows}x${x.cols}`,
    code: `
fn add(row: u32, texel: u32, sum: vec4f) {
  ${
      previous
        ? "let total = params.scale * sum + load_previous(row, texel);"
        : "let total = params.scale * sum;"
    }
  store_g(row, texel, total);
}
fn finish(p: u32, q: u32, block: mat4x4f) {
  if (p >= params.texels) { return; }
  let mirror = transpose(block);
  for (var i = 0u; i < 4u; i++) {
    add(4u * p + i, q, block[i]);
    if (p != q) { add(4u * q + i, p, mirror[i]); }
  }
}
${
      outerProductCode(
        texels,
        tiles,
        lanes,
        `texels[min(span.y, span.x + (group.y + 1u) * ${lanes * texels}u) - 1u] < fit / 4u`,
        store,
        weights ? "load_weights(ROW, 0u).x" : undefined,
      )
    }`,
    reads: { x, r: x, ...(previous && { previous }), ...(weights && { weights }) },
    writes: { g: gram },
    buffers: tileBuffers(tiles),
    uints: { rows, texels: x.texels },
    floats: { scale },
    workgroups: [tiles.count, Math.ceil(tiles.longest / (lanes * texels))],
  });
}

/**
 * An outer product summed over the rows: lanes run along the texels of a list, an invocation owns
 * `texels` of them (four columns each) and a tile of fits. Two rows are in flight at a time;
 * matrices are allocated to multiples of four rows, so the second one exists.
 *
 * @param skip A condition under which a workgroup has nothing to do.
 * @param store The statement for FIT and SUM, or for a texel of fits and its four sums; `q` is the
 * texel of columns and `fit` the tile's first fit.
 */
function outerProductCode(
  texels: number,
  { width, live }: ColumnTiles,
  lanes: number,
  skip: string,
  store: string | ((t: number, sums: string[]) => string),
  weight?: string,
): string {
  const load = (i: number) =>
    unroll(texels, (q) => `let x${i}_${q} = load_x(row + ${i}u, q${q});`) +
    unroll(
      Math.ceil(live / 4),
      (t) =>
        `let r${i}_${t} = load_r(row + ${i}u, fit / 4u + ${t}u)${
          weight ? ` * ${weight.replace("ROW", `row + ${i}u`)}` : ""
        };`,
    );
  const multiply = (i: number) =>
    unroll(texels, (q) =>
      unroll(
        live,
        (n) => `s${q}_${n} = s${q}_${n} + x${i}_${q} * r${i}_${n >> 2}.${"xyzw"[n & 3]};`,
      ));
  const results = (q: number) =>
    typeof store === "string"
      ? unroll(live, (n) => store.replace("FIT", `${n}u`).replace("SUM", `s${q}_${n}`))
      : unroll(width / 4, (t) => store(t, [0, 1, 2, 3].map((c) => `s${q}_${4 * t + c}`)));
  return `
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let fit = group.x * ${width}u;
  let span = spans[group.x];
  let first = span.x + group.y * ${lanes * texels}u;
  if (first >= span.y || ${skip}) { return; }
  ${unroll(texels, (q) => `let q${q} = texels[min(first + lane + ${q * lanes}u, span.y - 1u)];`)}
  ${unroll(texels, (q) => unroll(width, (n) => `var s${q}_${n} = vec4f(0.0);`))}
  for (var row = 0u; row < params.rows; row += 2u) {
    ${load(0)}
    ${load(1)}
    ${multiply(0)}
    ${multiply(1)}
  }
  ${
    unroll(texels, (q) =>
      `if (first + lane + ${q * lanes}u < span.y) { let q = q${q}; ${results(q)} }`)
  }
}
`;
}
