import activationCode from "../../shaders/activation.wgsl" with { type: "text" };
import nonfiniteCode from "../../shaders/nonfinite.wgsl" with { type: "text" };
import type { Matrix } from "../gpu/matrix.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { cachedCode } from "./code_cache.ts";
import { tileCode, workgroupOf } from "./linear_code.ts";
import { chooseTile, type LinearTile } from "./linear_tiles.ts";

/**
 * The nonlinearities that a linear layer can end in, by their names in `shaders/activation.wgsl`.
 */
export type Activation = "identity" | "gelu" | "gelu_tanh" | "relu" | "silu";

/** What a linear layer does to its product before it is stored, in this order. */
export interface LinearOptions {
  /** Added to every row: `[1, outputs]`. */
  bias?: Matrix | undefined;
  activation?: Activation;
  /** Multiplied elementwise after the activation: `[rows, outputs]`. */
  factor?: Matrix | undefined;
  /** Added elementwise at the end: `[rows, outputs]`. */
  residual?: Matrix | undefined;
  /** Without it what suits the adapter and the rows. */
  tile?: LinearTile;
}

/**
 * Records `y = activation(x w^T + bias) * factor + residual`.
 *
 * @param x `[rows, inputs]`.
 * @param w `[outputs, inputs]`, as safetensors files hold it.
 * @param y `[rows, outputs]`; its first `rows` rows are written.
 * @param rows How many rows there are in this run.
 */
export function linear(
  recorder: Recorder,
  x: Matrix,
  w: Matrix,
  y: Matrix,
  rows: number,
  options: LinearOptions = {},
): void {
  const { bias, activation = "identity", factor, residual } = options;
  const { lanes } = recorder.gpu;
  const tile = options.tile ?? chooseTile(recorder.gpu, rows);
  const optional = { bias, factor, residual };
  const present = Object.entries(optional).filter((entry): entry is [string, Matrix] => !!entry[1]);
  const workgroup = workgroupOf(tile, lanes);
  recorder.dispatch({
    label: `linear ${rows}x${w.rows}x${w.cols}`,
    code: linearCode(tile, lanes, activation, present.map(([name]) => name)),
    reads: { x, w, ...Object.fromEntries(present) },
    writes: { y },
    writtenRows: rows,
    uints: { rows, texels: w.texels },
    workgroups: [Math.ceil(w.rows / workgroup.cols), Math.ceil(rows / workgroup.rows)],
    operations: 2 * rows * w.rows * w.cols,
  });
}

function linearCode(
  tile: LinearTile,
  lanes: number,
  activation: Activation,
  optional: string[],
): string {
  return cachedCode(
    ["linear", tile, lanes, activation, optional],
    () =>
      `${nonfiniteCode}${activationCode}
fn finish(row: u32, k: u32, product: vec4f) {
  var value = product;
  ${optional.includes("bias") ? "value += load_bias(0u, k);" : ""}
  value = ${activation}(value);
  ${optional.includes("factor") ? "value *= load_factor(row, k);" : ""}
  ${optional.includes("residual") ? "value += load_residual(row, k);" : ""}
  if (row < params.rows) { store_y(row, k, value); }
}
${tileCode(tile, lanes)}`,
  );
}
