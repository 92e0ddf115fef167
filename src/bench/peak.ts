import type { Gpu } from "../gpu/device.ts";
import { createMatrix, type Matrix } from "../gpu/matrix.ts";
import { createStorage, type StorageBuffer } from "../gpu/memory.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { unroll } from "../ops/code.ts";
import { range } from "../util.ts";

/** Work that does nothing but one thing, so that it shows the most that the device can do. */
export interface PeakKernel {
  /** Operations of one run, or bytes read and written. */
  readonly work: number;
  record(recorder: Recorder): void;
}

/** The kernels that measure the device. Dispose them to free their memory. */
export interface PeakKernels extends Disposable {
  readonly arithmetic: PeakKernel;
  readonly copy: PeakKernel;
}

/** Creates the kernels that measure the device's multiply-add and copy peaks. */
export function createPeakKernels(gpu: Gpu): PeakKernels {
  using onFailure = new DisposableStack();
  const lanes = gpu.lanes;
  const out = onFailure.use(createStorage(gpu, groupsOf(gpu) * lanes * 4, "peak"));
  const copyRows = Math.min(8191, gpu.device.limits.maxTextureDimension2D);
  const from = onFailure.use(createMatrix(gpu, copyRows, copyCols, "copy source"));
  // Stores to textures are dear on software drivers, and would not show what memory can do.
  const to = onFailure.use(createMatrix(gpu, copyRows, copyCols, "copied", "f32", "buffer"));
  const owned = onFailure.move();
  return {
    arithmetic: {
      work: 2 * accumulators * steps * iterations * lanes * groupsOf(gpu),
      record: (recorder) => multiplyAdd(recorder, out),
    },
    copy: {
      work: 2 * from.rows * copyCols * 4,
      record: (recorder) => copyMatrix(recorder, from, to),
    },
    [Symbol.dispose]: () => owned.dispose(),
  };
}

/** Sums in named scalars: enough to hide how long a step takes, few enough for the registers. */
const accumulators = 12;
/** Steps of a loop's iteration: whatever an iteration costs beside them should not count. */
const steps = 32;
const iterations = 80;
const copyCols = 1024;

function groupsOf(gpu: Gpu): number {
  return gpu.adapter.software ? 256 : 4096;
}

/**
 * Multiply-adds whose operands sit in registers. Each sum takes its neighbour of the step before:
 * otherwise compilers finish one sum after the other, and processors wait for each addition.
 */
function multiplyAdd(recorder: Recorder, out: StorageBuffer): void {
  const { gpu } = recorder;
  const each = (line: (i: number) => string) => unroll(accumulators, line);
  const next = (i: number) => (i + 1) % accumulators;
  recorder.dispatch({
    label: "peak",
    code: `
@compute @workgroup_size(${gpu.lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  ${each((i) => `var s${i} = f32(lane) * ${i}.5;`)}
  let x = 0.001 / f32(lane + 1u);
  for (var i = 0u; i < ${iterations}u; i++) {
    ${each((i) => `let t0_${i} = s${i};`)}
    ${unroll(steps, (t) => each((i) => `let t${t + 1}_${i} = t${t}_${i} * x + t${t}_${next(i)};`))}
    ${each((i) => `s${i} = t${steps}_${i};`)}
  }
  out[group.x * ${gpu.lanes}u + lane] = ${range(accumulators).map((i) => `s${i}`).join(" + ")};
}`,
    buffers: { out: { storage: out, type: "array<f32>", access: "read_write" } },
    workgroups: [groupsOf(gpu)],
  });
}

/** Each invocation copies eight texels, as a kernel would read and write them. */
function copyMatrix(recorder: Recorder, from: Matrix, to: Matrix): void {
  const { lanes } = recorder.gpu;
  recorder.dispatch({
    label: "copy",
    code: `
@compute @workgroup_size(${lanes})
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.rows) { return; }
  let k = id.y * 8u;
  ${unroll(8, (i) => `let v${i} = load_x(id.x, k + ${i}u);`)}
  ${unroll(8, (i) => `store_y(id.x, k + ${i}u, v${i});`)}
}`,
    reads: { x: from },
    writes: { y: to },
    uints: { rows: from.rows },
    workgroups: [Math.ceil(from.rows / lanes), from.texels / 8],
  });
}
