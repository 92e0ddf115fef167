import { range } from "../util.ts";
import { handedRound, innerProduct, unroll } from "./code.ts";
import type { LinearTile, RegisterTile, SharedTile } from "./linear_tiles.ts";

/**
 * The entry point of a linear layer, which hands each four neighbouring products to
 * `finish(row, k, product)`. Whatever the tile, an output is the same sum in the same order.
 */
export function tileCode(tile: LinearTile, lanes: number): string {
  return "alongRows" in tile ? sharedCode(tile) : registerCode(tile, lanes);
}

/** How many invocations a workgroup has, and how many rows and columns it computes. */
export function workgroupOf(tile: LinearTile, lanes: number) {
  const { rows, cols } = tile;
  if (!("alongRows" in tile)) return { invocations: lanes, rows: lanes * rows, cols };
  const { alongRows, alongCols } = tile;
  return { invocations: alongRows * alongCols, rows: alongRows * rows, cols: alongCols * cols };
}

/** Sums sit in named scalars, which stay in registers. */
function zeros({ rows, cols }: LinearTile): string {
  return unroll(rows, (r) => range(cols).map((n) => `var y${r}_${n} = 0.0;`).join(" "));
}

/**
 * Adds the products of `x0`, `x1`, … and the texels `w{n}` of two columns, one beside the other.
 */
function products({ rows }: LinearTile, n: number): string {
  const add = (r: number, n: number) =>
    `y${r}_${n} = y${r}_${n} + ${innerProduct(`x${r}`, `w${n}`)};`;
  return unroll(rows, (r) => `${add(r, n)} ${add(r, n + 1)}`);
}

function stores({ rows, cols }: LinearTile, row: (r: number) => string): string {
  const texel = (r: number, t: number) => [0, 1, 2, 3].map((c) => `y${r}_${4 * t + c}`).join(", ");
  return unroll(rows, (r) =>
    unroll(
      cols / 4,
      (t) => `finish(${row(r)}, col / 4u + ${t}u, vec4f(${texel(r, t)}));`,
    ));
}

function registerCode(tile: RegisterTile, lanes: number): string {
  const { rows, cols } = tile;
  const row = (r: number) => `row + ${r * lanes}u`;
  const { early, inTime } = weightLoads(tile, lanes);
  return `
@compute @workgroup_size(${lanes})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  ${placeInBand(lanes * rows)}
  let row = place.y * ${lanes * rows}u + lane;
  let col = place.x * ${cols}u;
  ${zeros(tile)}
  for (var k = 0u; k < params.texels; k++) {
    ${early}
    ${unroll(rows, (r) => `let x${r} = load_x(${row(r)}, k);`)}
    ${unroll(cols / 2, (i) => inTime(2 * i) + inTime(2 * i + 1) + products(tile, 2 * i))}
  }
  ${stores(tile, row)}
}
`;
}

/** Texels of x in a band, 0.8 MB: what a core's cache holds beside the weights of a tile. */
const bandTexels = 48 * 1024;

/**
 * Code that declares `place`, which tile a workgroup computes. A band of rows takes one tile of
 * columns after the other, so that their weights, and the band's rows, still lie in the caches. It
 * knows the workgroup as `group`, their number as `groups`.
 *
 * @param tileRows Rows of a workgroup.
 */
export function placeInBand(tileRows: number): string {
  return `
  let band = max(2u, ${Math.floor(bandTexels / tileRows)}u / params.texels);
  let number = group.y * groups.x + group.x;
  let top = number / (band * groups.x) * band;
  let height = min(band, groups.y - top);
  let in_band = number - top * groups.x;
  let place = vec2u(in_band / height, top + in_band % height);`;
}

/**
 * The code that brings weight texels `w0`, `w1`, …: before the products, and before each column's.
 */
function weightLoads({ cols, weights }: RegisterTile, lanes: number) {
  if (weights === "broadcast") {
    return handedRound(
      { count: cols, period: lanes },
      (n) => `w${n}`,
      (n) => `load_w(col + ${n}, k)`,
    );
  }
  const load = (n: number) => n < cols ? `let w${n} = load_w(col + ${n}u, k);\n` : "";
  return { early: unroll(weights, load), inTime: (n: number) => load(n + weights) };
}

/** Texels of a row that lie in workgroup memory at once: 16 columns. */
const step = 4;

/**
 * The invocations of a workgroup load `step` texels of all its rows and columns together, and
 * multiply them from workgroup memory. Neighbours own neighbouring rows, so that they read and
 * write side by side.
 */
function sharedCode(tile: SharedTile): string {
  const { alongRows } = tile;
  const { invocations, rows, cols } = workgroupOf(tile, 0);
  const bring = (name: string, first: string, height: number) => `
    for (var i = lane; i < ${step * height}u; i += ${invocations}u) {
      let k = start + i / ${height}u;
      let texel = load_${name}(${first} + i % ${height}u, k);
      ${name}_tile[i] = select(vec4f(0.0), texel, k < params.texels);
    }`;
  return `
var<workgroup> x_tile: array<vec4f, ${step * rows}>;
var<workgroup> w_tile: array<vec4f, ${step * cols}>;

@compute @workgroup_size(${invocations})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let own_row = lane % ${alongRows}u;
  let own_col = lane / ${alongRows}u * ${tile.cols}u;
  let row = group.y * ${rows}u + own_row;
  let col = group.x * ${cols}u + own_col;
  ${zeros(tile)}
  for (var start = 0u; start < params.texels; start += ${step}u) {
    ${bring("x", `group.y * ${rows}u`, rows)}
    ${bring("w", `group.x * ${cols}u`, cols)}
    workgroupBarrier();
    for (var k = 0u; k < ${step}u; k++) {
      ${unroll(tile.rows, (r) => `let x${r} = x_tile[k * ${rows}u + own_row + ${r * alongRows}u];`)}
      ${
    unroll(tile.cols / 2, (i) =>
      unroll(2, (j) =>
        `let w${2 * i + j} = w_tile[k * ${cols}u + own_col + ${2 * i + j}u];`) +
      products(tile, 2 * i))
  }
    }
    workgroupBarrier();
  }
  ${stores(tile, (r) => `row + ${r * alongRows}u`)}
}
`;
}
