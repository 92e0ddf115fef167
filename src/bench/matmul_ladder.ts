import type { MatrixStorage } from "../gpu/device.ts";
import type { Matrix } from "../gpu/matrix.ts";
import type { StorageBuffer } from "../gpu/memory.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { unroll } from "../ops/code.ts";
import { linear } from "../ops/linear.ts";
import { placeInBand } from "../ops/linear_code.ts";
import type { SharedTile } from "../ops/linear_tiles.ts";

/** A step from the plainest matrix product towards the best one. */
interface MatmulStep {
  readonly name: string;
  /** What changes, and why it should help. */
  readonly lesson: string;
  /** The step that it changes, where that is not the one before. */
  readonly builtOn?: string;
  readonly options: PlainOptions | TileOptions | SharedOptions;
}

/** Row-major buffers of single numbers; one invocation computes one output. */
interface PlainOptions {
  readonly storage: "row-major";
  /** The side of the square tile that goes through workgroup memory; 0: none. */
  readonly shared: 0 | 8 | 16;
}

/** Matrices of texels; one invocation computes `rows` x `cols` outputs. */
interface TileOptions {
  readonly storage: MatrixStorage;
  readonly rows: number;
  readonly cols: number;
  /** How many columns before their use the texels of w are loaded. */
  readonly ahead: number;
  /** Whether outputs may go through a buffer to their texture, see `src/gpu/staging.ts`. */
  readonly staged?: boolean;
  /** Whether tiles one below the other run one after the other. */
  readonly banded?: boolean;
}

/** Register tiles whose texels come through workgroup memory. */
interface SharedOptions {
  readonly storage: "buffer";
  readonly tile: SharedTile;
}

/** The ladder, from naive to what `linear` of `src/ops` does on a software driver. */
export const matmulSteps: readonly MatmulStep[] = [
  {
    name: "1 naive",
    lesson: "one invocation an output, two loads a multiply-add",
    options: { storage: "row-major", shared: 0 },
  },
  {
    name: "2 shared tile 16x16",
    lesson: "operands go through workgroup memory once a tile: a GPU saves traffic, a CPU pays",
    options: { storage: "row-major", shared: 16 },
  },
  {
    name: "3 texels, tile 1x4",
    builtOn: "1 naive",
    lesson: "one load brings four numbers, lanes read neighbouring addresses",
    options: { storage: "buffer", rows: 1, cols: 4, ahead: 0 },
  },
  {
    name: "4 register tile 4x4",
    lesson: "8 loads for 64 multiply-adds: each loaded texel is used four times",
    options: { storage: "buffer", rows: 4, cols: 4, ahead: 0 },
  },
  {
    name: "5 the same, shared 64x64",
    lesson: "tiles of 256 invocations through workgroup memory: what a GPU wants, and no processor",
    options: { storage: "buffer", tile: { rows: 4, cols: 4, alongRows: 16, alongCols: 16 } },
  },
  {
    name: "6 register tile 8x16",
    builtOn: "4 register tile 4x4",
    lesson: "24 loads for 512 multiply-adds",
    options: { storage: "buffer", rows: 8, cols: 16, ahead: 0 },
  },
  {
    name: "7 storage textures",
    lesson: "a texel of a storage texture is a software driver's cheapest load",
    options: { storage: "texture", rows: 8, cols: 16, ahead: 0 },
  },
  {
    name: "8 loads two ahead",
    lesson: "weights are on their way while earlier ones are multiplied",
    options: { storage: "texture", rows: 8, cols: 16, ahead: 2 },
  },
  {
    name: "9 stores to a buffer",
    lesson: "copied from there: a software driver stores to a texture number by number",
    options: { storage: "texture", rows: 8, cols: 16, ahead: 2, staged: true },
  },
  {
    name: "10 bands of rows",
    lesson: "tiles one below the other come in turn: their weights still lie in the caches",
    options: { storage: "texture", rows: 8, cols: 16, ahead: 2, staged: true, banded: true },
  },
];

/** Row-major float32 buffers of a plain product: `x [rows, inputs]`, `w [inputs, outputs]`. */
interface PlainOperands {
  readonly x: StorageBuffer;
  readonly w: StorageBuffer;
  readonly y: StorageBuffer;
}

/** Records `y = x w`, `[rows, outputs]`, on row-major buffers. */
export function plainMatmul(
  recorder: Recorder,
  { x, w, y }: PlainOperands,
  [rows, outputs, inputs]: readonly [number, number, number],
  { shared }: PlainOptions,
): void {
  const side = shared || 8;
  recorder.dispatch({
    label: `plain matmul ${shared}`,
    code: shared ? sharedCode(side) : naiveCode(side),
    buffers: {
      x: { storage: x, type: "array<f32>", access: "read" },
      w: { storage: w, type: "array<f32>", access: "read" },
      y: { storage: y, type: "array<f32>", access: "read_write" },
    },
    uints: { rows, outputs, inputs },
    workgroups: [Math.ceil(outputs / side), Math.ceil(rows / side)],
  });
}

function naiveCode(side: number): string {
  return `
@compute @workgroup_size(${side}, ${side})
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.y >= params.rows || id.x >= params.outputs) { return; }
  var sum = 0.0;
  for (var i = 0u; i < params.inputs; i++) {
    sum += x[id.y * params.inputs + i] * w[i * params.outputs + id.x];
  }
  y[id.y * params.outputs + id.x] = sum;
}`;
}

/** Workgroups load a tile of each operand together, then multiply it from workgroup memory. */
function sharedCode(side: number): string {
  return `
var<workgroup> x_tile: array<f32, ${side * side}>;
var<workgroup> w_tile: array<f32, ${side * side}>;

@compute @workgroup_size(${side}, ${side})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let row = group.y * ${side}u + local.y;
  let output = group.x * ${side}u + local.x;
  var sum = 0.0;
  for (var start = 0u; start < params.inputs; start += ${side}u) {
    let at = local.y * ${side}u + local.x;
    let i = start + local.x;
    let x_row = min(row, params.rows - 1u) * params.inputs;
    x_tile[at] = select(0.0, x[x_row + i], i < params.inputs);
    let j = start + local.y;
    let w_row = j * params.outputs;
    w_tile[at] = select(0.0, w[w_row + min(output, params.outputs - 1u)], j < params.inputs);
    workgroupBarrier();
    for (var j = 0u; j < ${side}u; j++) {
      sum += x_tile[local.y * ${side}u + j] * w_tile[j * ${side}u + local.x];
    }
    workgroupBarrier();
  }
  if (row < params.rows && output < params.outputs) { y[row * params.outputs + output] = sum; }
}`;
}

/** Records `y = x w^T` on matrices. */
export function tiledMatmul(
  recorder: Recorder,
  x: Matrix,
  w: Matrix,
  y: Matrix,
  options: TileOptions | SharedOptions,
): void {
  if ("tile" in options) return linear(recorder, x, w, y, x.rows, options);
  const { rows, cols, staged } = options;
  const { lanes } = recorder.gpu;
  recorder.dispatch({
    label: `tiled matmul ${rows}x${cols}`,
    code: tileCode(options, lanes),
    reads: { x, w },
    writes: { y },
    ...(staged && { writtenRows: x.rows }),
    uints: { rows: x.rows, texels: w.texels },
    workgroups: [Math.ceil(w.rows / cols), Math.ceil(x.rows / (lanes * rows))],
  });
}

/** Lanes run along the rows; sums sit in named scalars, which stay in registers. */
function tileCode({ rows, cols, ahead, banded }: TileOptions, lanes: number): string {
  const row = (r: number) => `row + ${r * lanes}u`;
  const loadW = (n: number) => n < cols ? `let w${n} = load_w(col + ${n}u, k);` : "";
  const multiply = (r: number, n: number) =>
    `y${r}_${n} = y${r}_${n} + ` +
    ["x", "y", "z", "w"].map((part) => `x${r}.${part} * w${n}.${part}`).join(" + ") + ";";
  const texel = (r: number, t: number) => [0, 1, 2, 3].map((c) => `y${r}_${4 * t + c}`).join(", ");
  return `
@compute @workgroup_size(${lanes})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  ${banded ? placeInBand(lanes * rows) : "let place = group.xy;"}
  let row = place.y * ${lanes * rows}u + lane;
  let col = place.x * ${cols}u;
  ${unroll(rows, (r) => unroll(cols, (n) => `var y${r}_${n} = 0.0;`))}
  for (var k = 0u; k < params.texels; k++) {
    ${unroll(rows, (r) => `let x${r} = load_x(${row(r)}, k);`)}
    ${unroll(Math.min(ahead, cols), loadW)}
    ${unroll(cols, (n) => loadW(n + ahead) + unroll(rows, (r) => multiply(r, n)))}
  }
  ${
    unroll(rows, (r) =>
      `if (${row(r)} < params.rows) {` +
      unroll(cols / 4, (t) => `store_y(${row(r)}, col / 4u + ${t}u, vec4f(${texel(r, t)}));`) + "}")
  }
}`;
}
