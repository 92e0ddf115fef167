import type { Matrix } from "../gpu/matrix.ts";
import type { StorageBuffer } from "../gpu/memory.ts";
import type { Recorder } from "../gpu/recorder.ts";

/** Marks a column that {@linkcode gatherColumns} finds elsewhere. */
export const elsewhere = 0xffffffff;

/**
 * Records `to[firstRow + i, j] = from[i, columns[j]]`.
 *
 * @param from `[rows, cols]`.
 * @param to `[>= firstRow + rows, count]`.
 * @param columns Four a texel of `to`; where it says {@linkcode elsewhere}, `before` counts.
 * @param before Of the shape of `to`; zeros where not given.
 */
export function gatherColumns(
  recorder: Recorder,
  from: Matrix,
  to: Matrix,
  columns: StorageBuffer,
  firstRow: number,
  before?: Matrix,
): void {
  const { lanes } = recorder.gpu;
  recorder.dispatch({
    label: `gather columns ${from.rows}x${to.cols}`,
    code: `
@compute @workgroup_size(${lanes})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.x;
  if (row >= params.rows) { return; }
  let wanted = columns[id.y];
  var value = ${before ? "load_before(params.first_row + row, id.y)" : "vec4f(0.0)"};
  for (var i = 0u; i < 4u; i++) {
    let column = wanted[i];
    if (column != ${elsewhere}u) {
      let place = vec4u(0u, 1u, 2u, 3u) == vec4u(i);
      value = select(value, vec4f(load_from(row, column / 4u)[column & 3u]), place);
    }
  }
  store_to(params.first_row + row, id.y, value);
}`,
    reads: before ? { from, before } : { from },
    writes: { to },
    buffers: { columns: { storage: columns, type: "array<vec4u>", access: "read" } },
    uints: { rows: from.rows, first_row: firstRow },
    workgroups: [Math.ceil(from.rows / lanes), to.texels],
  });
}
