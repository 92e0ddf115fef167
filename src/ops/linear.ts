import activationCode from "../../shaders/activation.wgsl" with { type: "text" };
import type { Gpu } from "../gpu/device.ts";
import type { Matrix } from "../gpu/matrix.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { tuningOf } from "../gpu/tuning.ts";

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
  /** One of {@linkcode linearTiles}; without it what suits the adapter and the rows. */
  tile?: LinearTile;
}

/** How many outputs an invocation computes, and how it comes by the weights. */
export interface LinearTile {
  rows: number;
  cols: number;
  /**
   * `broadcast`: each lane loads the texel of another column, and gives it to the others. It takes
   * a subgroup, and loads a lane-th of the texels. Otherwise how many texels are loaded ahead.
   */
  weights: "broadcast" | number;
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
  const tile = options.tile ?? tunedTile(gpu, rows) ?? defaultTile(gpu, rows);
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
export function defaultTile(gpu: Gpu, rows: number): LinearTile {
  const { adapter, lanes } = gpu;
  if (!adapter.software) return { rows: 4, cols: 8, weights: 1 };
  const weights = canBroadcast(gpu, 16) ? "broadcast" : 2;
  if (rows <= 2 * lanes) return { rows: 2, cols: 16, weights };
  if (rows <= 4 * lanes) return { rows: 4, cols: 16, weights };
  return { rows: 8, cols: 16, weights };
}

/** The tile that was the fastest on this adapter, where there are enough rows for it. */
function tunedTile(gpu: Gpu, rows: number): LinearTile | undefined {
  if (rows <= 8 * gpu.lanes) return undefined;
  const name = tuningOf(gpu)["linear"];
  return name === undefined ? undefined : linearTiles(gpu).get(name);
}

function canBroadcast({ subgroups, lanes }: Gpu, cols: number): boolean {
  return subgroups && cols % lanes === 0;
}

/** The tiles that are worth timing where there are many rows, by name. */
export function linearTiles(gpu: Gpu): ReadonlyMap<string, LinearTile> {
  const { software } = gpu.adapter;
  const sizes = software
    ? [[8, 16], [16, 16], [4, 32]] as const
    : [[4, 4], [4, 8], [8, 8]] as const;
  const tiles = sizes.flatMap(([rows, cols]) => {
    // Two texels ahead, or a row of them at once: drivers differ in which they schedule well.
    const ways: LinearTile["weights"][] = software ? [2, cols - 1] : [1];
    if (canBroadcast(gpu, cols)) ways.unshift("broadcast");
    return ways.map((weights): LinearTile => ({ rows, cols, weights }));
  });
  return new Map(tiles.map((tile) => [`${tile.rows}x${tile.cols} ${tile.weights}`, tile]));
}

const codeCache = new Map<string, string>();

/**
 * The register-tile kernel: lanes run along the rows, an invocation owns `tile.rows` rows (a
 * workgroup's width apart) and `tile.cols` neighbouring outputs in named scalars.
 */
function linearCode(
  tile: LinearTile,
  lanes: number,
  activation: Activation,
  optional: string[],
): string {
  const key = JSON.stringify([tile, lanes, activation, optional]);
  const cached = codeCache.get(key);
  if (cached) return cached;
  const rows = [...Array(tile.rows).keys()];
  const cols = [...Array(tile.cols).keys()];
  const row = (r: number) => `row + ${r * lanes}u`;
  const { early, inTime } = weightLoads(tile, lanes);
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
    ${early}
    ${rows.map((r) => `let x${r} = load_x(${row(r)}, k);\n`).join("")}
    ${cols.map((n) => inTime(n) + products(n)).join("")}
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

/** The code that brings weight texels `w0`, `w1`, …: before the products, and before each column's. */
function weightLoads({ cols, weights }: LinearTile, lanes: number) {
  const all = [...Array(cols).keys()];
  if (weights === "broadcast") {
    const shared = all.filter((n) => n % lanes === 0).map((n) =>
      `let lane_w${n / lanes} = load_w(col + ${n}u + lane, k);\n`
    );
    return {
      early: shared.join(""),
      inTime: (n: number) =>
        `let w${n} = subgroupBroadcast(lane_w${Math.floor(n / lanes)}, ${n % lanes}u);\n`,
    };
  }
  const load = (n: number) => n < cols ? `let w${n} = load_w(col + ${n}u, k);\n` : "";
  return {
    early: all.slice(0, weights).map(load).join(""),
    inTime: (n: number) => load(n + weights),
  };
}
