import type { Gpu } from "../gpu/device.ts";
import type { Matrix } from "../gpu/matrix.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { tunedVariant } from "../gpu/tuning.ts";
import { innerProduct, unroll } from "./code.ts";
import { cachedCode } from "./code_cache.ts";
import { type ColumnTiles, fitLoads, tileBuffers } from "./logistic_tiles.ts";

/** How many rows of a lane are worth timing, by name; the first is the default. */
export function marginHeights({ adapter }: Gpu): ReadonlyMap<string, number> {
  const heights = adapter.software ? [8, 16] : [4, 2, 8];
  return new Map(heights.map((rows) => [`${rows} rows a lane`, rows]));
}

/**
 * Records `z = x v^T`, for each tile of fits over its own columns only.
 *
 * @param x `[rows, cols]`.
 * @param v `[fits, cols]`.
 * @param z `[rows, fits]`.
 * @param rowsOfLane One of {@linkcode marginHeights}; without it what suits the adapter.
 */
export function logisticMargins(
  recorder: Recorder,
  x: Matrix,
  v: Matrix,
  z: Matrix,
  tiles: ColumnTiles,
  rows = x.rows,
  rowsOfLane = tunedVariant(recorder.gpu, "logistic margins", marginHeights(recorder.gpu)),
): void {
  const { gpu } = recorder;
  recorder.dispatch({
    label: `logistic margins ${rows}x${v.rows}`,
    code: cachedCode(
      ["margins", rowsOfLane, gpu.lanes, gpu.subgroups, tiles.width, tiles.live],
      () => marginsCode(gpu, rowsOfLane, tiles),
    ),
    reads: { x, v },
    writes: { z },
    writtenRows: rows,
    buffers: tileBuffers(tiles),
    uints: { rows },
    workgroups: [tiles.count, Math.ceil(rows / (gpu.lanes * rowsOfLane))],
    operations: 2 * rows * tiles.live * tiles.columns,
  });
}

/** Lanes run along the rows; an invocation owns `rows` rows and a tile of fits in scalars. */
function marginsCode(gpu: Gpu, rows: number, tiles: ColumnTiles): string {
  const { lanes } = gpu;
  const { width, live } = tiles;
  return `
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * ${lanes * rows}u + lane;
  let fit = group.x * ${width}u;
  let span = spans[group.x];
  ${unroll(rows, (r) => unroll(width, (n) => `var z${r}_${n} = 0.0;`))}
  for (var i = span.x; i < span.y; i++) {
    let k = texels[i];
    ${unroll(rows, (r) => `let x${r} = load_x(row + ${r * lanes}u, k);`)}
    ${fitLoads(gpu, tiles, (n) => `v${n}`, (fit) => `load_v(${fit}, k)`)}
    ${
    unroll(live, (n) =>
      unroll(rows, (r) =>
        `z${r}_${n} = z${r}_${n} + ${innerProduct(`x${r}`, `v${n}`)};`))
  }
  }
  ${
    unroll(rows, (r) =>
      `if (row + ${r * lanes}u < params.rows) {` +
      unroll(width / 4, (t) =>
        `store_z(row + ${r * lanes}u, fit / 4u + ${t}u, vec4f(${
          [0, 1, 2, 3].map((c) => `z${r}_${4 * t + c}`).join(", ")
        }));`) +
      `}`)
  }
}
`;
}
