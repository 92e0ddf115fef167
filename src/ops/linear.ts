import activationCode from "../../shaders/activation.wgsl" with { type: "text" };
import type { Gpu } from "../gpu/device.ts";
import type { Matrix } from "../gpu/matrix.ts";
import type { Recorder } from "../gpu/recorder.ts";

/** The nonlinearities that a linear layer can end in, by their names in `shaders/activation.wgsl`. */
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
}

/** How many outputs an invocation computes: `rows` x `cols`, with `ahead` weight texels in flight. */
interface Tile {
  rows: number;
  cols: number;
  ahead: number;
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
  const { gpu } = recorder;
  const tile = chooseTile(gpu, rows);
  const optional = { bias, factor, residual };
  const present = Object.entries(optional).filter((entry): entry is [string, Matrix] => !!entry[1]);
  recorder.dispatch({
    label: `linear ${rows}x${w.rows}x${w.cols}`,
    code: linearCode(tile, gpu.lanes, activation, present.map(([name]) => name)),
    reads: { x, w, ...Object.fromEntries(present) },
    writes: { y },
    uints: { rows, texels: w.texels },
    workgroups: [Math.ceil(w.rows / tile.cols), Math.ceil(rows / (gpu.lanes * tile.rows))],
  });
}

/** On a software driver large tiles win, for loads are dear; a GPU wants many small ones. */
function chooseTile(gpu: Gpu, rows: number): Tile {
  if (!gpu.adapter.software) return { rows: 4, cols: 8, ahead: 1 };
  if (rows <= 2 * gpu.lanes) return { rows: 2, cols: 16, ahead: 2 };
  if (rows <= 4 * gpu.lanes) return { rows: 4, cols: 16, ahead: 2 };
  return { rows: 8, cols: 16, ahead: 2 };
}

const codeCache = new Map<string, string>();

/**
 * The register-tile kernel: lanes run along the rows, an invocation owns `tile.rows` rows (a
 * workgroup's width apart) and `tile.cols` neighbouring outputs in named scalars, and the weight
 * texels are loaded `tile.ahead` columns before their use to hide the latency of the loads.
 */
function linearCode(tile: Tile, lanes: number, activation: Activation, optional: string[]): string {
  const key = JSON.stringify([tile, lanes, activation, optional]);
  const cached = codeCache.get(key);
  if (cached) return cached;
  const rows = [...Array(tile.rows).keys()];
  const cols = [...Array(tile.cols).keys()];
  const row = (r: number) => `row + ${r * lanes}u`;
  const loadW = (n: number) => `let w${n} = load_w(col + ${n}u, k);\n`;
  const products = (n: number) =>
    rows.map((r) =>
      `y${r}_${n} = y${r}_${n} + x${r}.x * w${n}.x + x${r}.y * w${n}.y + x${r}.z * w${n}.z + x${r}.w * w${n}.w;\n`
    ).join("");
  const code = `${activationCode}
fn finish(row: u32, k: u32, product: vec4f) {
  var value = product;
  ${optional.includes("bias") ? "value += load_bias(0u, k);" : ""}
  value = ${activation}(value);
  ${optional.includes("factor") ? "value *= load_factor(row, k);" : ""}
  ${optional.includes("residual") ? "value += load_residual(row, k);" : ""}
  if (row < params.rows) { store_y(row, k, value); }
}

@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * ${lanes * tile.rows}u + lane;
  let col = group.x * ${tile.cols}u;
  ${rows.map((r) => cols.map((n) => `var y${r}_${n} = 0.0;`).join(" ")).join("\n")}
  for (var k = 0u; k < params.texels; k++) {
    ${rows.map((r) => `let x${r} = load_x(${row(r)}, k);\n`).join("")}
    ${cols.slice(0, tile.ahead).map(loadW).join("")}
    ${
    cols.map((n) => (n + tile.ahead < tile.cols ? loadW(n + tile.ahead) : "") + products(n)).join(
      "",
    )
  }
  }
  ${
    rows.map((r) =>
      cols.filter((n) => n % 4 === 0).map((n) =>
        `finish(${row(r)}, col / 4u + ${n / 4}u, ` +
        `vec4f(${[0, 1, 2, 3].map((c) => `y${r}_${n + c}`).join(", ")}));\n`
      ).join("")
    ).join("")
  }
}
`;
  codeCache.set(key, code);
  return code;
}
