import gatherCode from "../../shaders/gather_columns.wgsl" with { type: "text" };
import type { Matrix } from "../gpu/matrix.ts";
import type { StorageBuffer } from "../gpu/memory.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { cachedCode } from "./code_cache.ts";

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
    code: cachedCode(["gather columns", !!before], () => gatherCode + beforeCode(!!before)),
    constants: { LANES: lanes, ELSEWHERE: elsewhere },
    reads: before ? { from, before } : { from },
    writes: { to },
    buffers: { columns: { storage: columns, type: "array<vec4u>", access: "read" } },
    uints: { rows: from.rows, first_row: firstRow },
    workgroups: [Math.ceil(from.rows / lanes), to.texels],
  });
}

function beforeCode(present: boolean): string {
  const value = present ? "load_before(row, k)" : "vec4f(0.0)";
  return `\nfn before(row: u32, k: u32) -> vec4f { return ${value}; }\n`;
}
