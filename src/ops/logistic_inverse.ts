import gatherCode from "../../shaders/logistic_inverse_gather.wgsl" with { type: "text" };
import inverseCode from "../../shaders/logistic_inverse.wgsl" with { type: "text" };
import mirrorCode from "../../shaders/logistic_inverse_mirror.wgsl" with { type: "text" };
import pivotCode from "../../shaders/logistic_inverse_pivot.wgsl" with { type: "text" };
import stripCode from "../../shaders/logistic_inverse_strip.wgsl" with { type: "text" };
import type { Gpu } from "../gpu/device.ts";
import type { BufferOperand } from "../gpu/kernel.ts";
import { createMatrix, type Matrix } from "../gpu/matrix.ts";
import { createStorage, type StorageBuffer } from "../gpu/memory.ts";
import { Recorder } from "../gpu/recorder.ts";
import { roundUp } from "../util.ts";
import { inverseLanes, panelCode, pivotCount, sweepCode } from "./logistic_inverse_code.ts";
import { range } from "./logistic_tiles.ts";

/** A set of columns, as a list of texels in a buffer of lists. */
export interface ColumnSet {
  /** Where its list starts and ends. */
  readonly start: number;
  readonly end: number;
  /** The row of `weight` that tells which columns of the texels belong to it. */
  readonly weightRow: number;
}

/** Inverses of the matrices of some sets of columns, one below the other. */
export interface Inverses extends Disposable {
  readonly matrix: Matrix;
  /** The first row of each set's inverse. */
  readonly firstRow: readonly number[];
}

/** Weighted sums of the rows `[.., cols]` (the first counts) and the sum of the weights. */
export interface Drift {
  readonly sums: Matrix;
  readonly total: number;
}

/** Rows and columns that the inverse for a number of columns takes. */
export function inverseRows(columns: number): number {
  return roundUp(columns, pivotCount);
}

/**
 * Submits `(gram + ridge I)^-1` for each set of columns.
 *
 * @param gram `[cols, cols]`.
 * @param weight `[sets, cols]`: a weight above 1e17 excludes a column of a listed texel.
 * @param drift What is taken from `gram` as the intercept follows the weighted rows.
 */
export function invertSets(
  gpu: Gpu,
  gram: Matrix,
  weight: Matrix,
  texels: StorageBuffer,
  sets: readonly ColumnSet[],
  ridge: number,
  drift?: Drift,
): Inverses {
  const layout = stack(sets);
  const { order, sizes, first, steps, blockCount } = layout;
  const width = pivotCount * steps;
  using own = new DisposableStack();
  const create = (rows: number, cols: number, label: string) =>
    createMatrix(gpu, rows, cols, label);
  const pair = [0, 1].map(() => create(pivotCount * blockCount, width, "inverses"));
  const kept = pair[1 - steps % 2]!;
  own.use(pair[steps % 2]!);
  const left = own.use(create(pivotCount * blockCount, pivotCount, "pivot columns"));
  const strip = own.use(create(pivotCount * sets.length, width, "pivot rows"));
  const panel = own.use(create(pivotCount * sets.length, width, "panel"));
  const pivots = own.use(create(pivotCount * sets.length, pivotCount, "pivot blocks"));
  const buffers = uploadLayout(own, gpu, layout, sets);
  const constants = { BLOCK: pivotCount, LANES: inverseLanes(gpu) };
  const code = {
    strip: inverseCode + stripCode,
    pivot: inverseCode + pivotCode,
    panel: inverseCode + panelCode(gpu),
    sweep: inverseCode + sweepCode(gpu),
  };
  const recorder = new Recorder(gpu);
  recorder.dispatch({
    label: "logistic gather",
    code: gatherCode + driftCode(drift !== undefined),
    constants: { BLOCK: pivotCount },
    reads: { gram, weight, ...(drift && { sums: drift.sums }) },
    writes: { to: pair[0]!, copy: pair[1]! },
    buffers: { ...buffers, texels: { storage: texels, type: "array<u32>", access: "read" } },
    floats: { ridge, total: drift?.total ?? 1 },
    workgroups: [blockCount, width / 16],
  });
  for (let step = 0; step < steps; step++) {
    const active = sizes.filter((size) => step + size >= steps);
    const from = pair[step % 2]!;
    const shared = { constants, buffers: { sets: buffers.sets }, uints: { step, steps } };
    recorder.dispatch({
      ...shared,
      label: "logistic strip",
      code: code.strip,
      reads: { from },
      writes: { left, strip },
      workgroups: [active.length, steps],
    });
    recorder.dispatch({
      ...shared,
      label: "logistic pivot",
      code: code.pivot,
      reads: { from },
      writes: { pivots },
      workgroups: [active.length],
    });
    recorder.dispatch({
      ...shared,
      label: "logistic panel",
      code: code.panel,
      reads: { strip, pivots },
      writes: { panel },
      workgroups: [active.length, steps],
    });
    recorder.dispatch({
      ...shared,
      label: "logistic sweep",
      code: code.sweep,
      reads: { from, left, panel },
      writes: { to: pair[1 - step % 2]! },
      buffers: { sets: buffers.sets, blocks: buffers.blocks },
      workgroups: [active.reduce((sum, size) => sum + size, 0), steps],
    });
  }
  recorder.dispatch({
    label: "logistic mirror",
    code: mirrorCode,
    constants: { BLOCK: pivotCount },
    reads: { from: pair[steps % 2]! },
    writes: { to: kept },
    buffers: { sets: buffers.sets, blocks: buffers.blocks },
    workgroups: [blockCount, steps],
  });
  recorder.submit();
  const firstRow = new Array<number>(sets.length);
  order.forEach((i, s) => firstRow[i] = pivotCount * first[s]!);
  return { matrix: kept, firstRow, [Symbol.dispose]: () => kept[Symbol.dispose]() };
}

/** Stacks the sets in falling order of their blocks; `first` is the block where each begins. */
function stack(sets: readonly ColumnSet[]) {
  const blocks = sets.map(({ start, end }) => inverseRows(4 * (end - start)) / pivotCount);
  const order = range(sets.length).sort((a, b) => blocks[b]! - blocks[a]!);
  const sizes = order.map((i) => blocks[i]!);
  let blockCount = 0;
  const first = sizes.map((size) => (blockCount += size) - size);
  return { order, sizes, first, steps: sizes[0]!, blockCount };
}

function uploadLayout(
  own: DisposableStack,
  gpu: Gpu,
  { order, sizes, first }: ReturnType<typeof stack>,
  sets: readonly ColumnSet[],
) {
  const upload = (label: string, type: string, numbers: number[]): BufferOperand => {
    const storage = own.use(createStorage(gpu, numbers.length * 4, label));
    storage.write(Uint32Array.from(numbers));
    return { storage, type, access: "read" };
  };
  return {
    sets: upload(
      "sets",
      "array<vec2u>",
      sizes.flatMap((size, s) => [pivotCount * first[s]!, size]),
    ),
    blocks: upload(
      "blocks",
      "array<vec2u>",
      sizes.flatMap((size, s) => range(size).flatMap((block) => [s, block])),
    ),
    lists: upload(
      "lists",
      "array<vec4u>",
      order.flatMap((i) => [sets[i]!.start, sets[i]!.end, sets[i]!.weightRow, 0]),
    ),
  };
}

/** The product of the means of a column and a texel of columns. */
function driftCode(present: boolean): string {
  const value = present
    ? "load_sums(0u, column / 4u)[column & 3u] * load_sums(0u, k) / params.total"
    : "vec4f(0.0)";
  return `\nfn drift(column: u32, k: u32) -> vec4f { return ${value}; }\n`;
}
