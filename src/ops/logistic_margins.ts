import type { Matrix } from "../gpu/matrix.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { type ColumnTiles, tileBuffers, unroll } from "./logistic_tiles.ts";

/**
 * Records `z = x v^T`, for each tile of fits over its own columns only.
 *
 * @param x `[rows, cols]`.
 * @param v `[fits, cols]`.
 * @param z `[rows, fits]`.
 */
export function logisticMargins(
  recorder: Recorder,
  x: Matrix,
  v: Matrix,
  z: Matrix,
  tiles: ColumnTiles,
  rows = x.rows,
): void {
  const { lanes, adapter } = recorder.gpu;
  const tileRows = adapter.software ? (tiles.width === 8 ? 12 : 8) : 4;
  recorder.dispatch({
    label: `logistic margins ${rows}x${v.rows}`,
    code: marginsCode(tileRows, tiles, lanes),
    reads: { x, v },
    writes: { z },
    buffers: tileBuffers(tiles),
    uints: { rows },
    workgroups: [tiles.count, Math.ceil(rows / (lanes * tileRows))],
  });
}

/** Lanes run along the rows; an invocation owns `rows` rows and a tile of fits in scalars. */
function marginsCode(rows: number, { width, live }: ColumnTiles, lanes: number): string {
  const loadV = (n: number) => n < live ? `let v${n} = load_v(fit + ${n}u, k);` : "";
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
    ${loadV(0)} ${loadV(1)}
    ${
    unroll(live, (n) =>
      loadV(n + 2) + "\n" +
      unroll(
        rows,
        (r) =>
          `z${r}_${n} = z${r}_${n} + x${r}.x * v${n}.x + x${r}.y * v${n}.y + x${r}.z * v${n}.z + x${r}.w * v${n}.w;`,
      ))
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
