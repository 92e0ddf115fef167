import inverseCode from "../../shaders/logistic_inverse.wgsl" with { type: "text" };
import diagonalCode from "../../shaders/logistic_inverse_diagonal.wgsl" with { type: "text" };
import gatherCode from "../../shaders/logistic_inverse_gather.wgsl" with { type: "text" };
import mirrorCode from "../../shaders/logistic_inverse_mirror.wgsl" with { type: "text" };
import pivotCode from "../../shaders/logistic_inverse_pivot.wgsl" with { type: "text" };
import stripCode from "../../shaders/logistic_inverse_strip.wgsl" with { type: "text" };
import type { Gpu } from "../gpu/device.ts";
import type { Matrix } from "../gpu/matrix.ts";
import { type StorageBuffer, uploadStorage } from "../gpu/memory.ts";
import { Recorder } from "../gpu/recorder.ts";
import { range, roundUp } from "../util.ts";
import { cachedCode } from "./code_cache.ts";
import { inverseLanes, panelCode, sweepCode } from "./logistic_inverse_code.ts";
import {
  activeSets,
  blockSize,
  countBlocks,
  createStack,
  type InverseStack,
  pivotsFor,
  widePivots,
} from "./logistic_inverse_stack.ts";

/** The kernels whose text is always the same. */
const codes = {
  strip: inverseCode + stripCode,
  pivot: inverseCode + pivotCode,
  diagonal: inverseCode + diagonalCode,
};

/** A set of columns, as a list of texels in a buffer of lists. */
interface ColumnSet {
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

/** At most how many rows the inverse for columns of so many texels takes. */
export function inverseRows(texels: number): number {
  return roundUp(4 * texels, widePivots);
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
  using owned = new DisposableStack();
  using onFailure = new DisposableStack();
  const columns = sets.map(({ start, end }) => 4 * (end - start));
  const order = range(sets.length).sort((a, b) => columns[b]! - columns[a]!);
  const pivots = pivotsFor(columns[order[0]!]!);
  const sizes = order.map((i) => Math.ceil(columns[i]! / pivots));
  const stack = createStack(owned, gpu, sizes, pivots, onFailure);
  const [even, odd] = stack.pair;
  // Where an even number of steps ends in the first, the second is free for the result.
  const [result, spent] = stack.steps % 2 === 0 ? [odd, even] : [even, odd];
  owned.use(spent);
  const listed = Uint32Array.from(order.flatMap((i) => {
    const { start, end, weightRow } = sets[i]!;
    return [start, end, weightRow, 0];
  }));
  const lists = owned.use(uploadStorage(gpu, listed, "lists"));
  using recorder = new Recorder(gpu);
  recorder.dispatch({
    label: "logistic gather",
    code: gatherCode + driftCode(drift !== undefined),
    constants: { BLOCK: blockSize, PIVOTS: pivots },
    reads: { gram, weight, ...(drift && { sums: drift.sums }) },
    writes: { to: even, copy: odd },
    buffers: {
      sets: stack.sets,
      blocks: stack.blocks,
      lists: { storage: lists, type: "array<vec4u>", access: "read" },
      texels: { storage: texels, type: "array<u32>", access: "read" },
    },
    floats: { ridge, total: drift?.total ?? 1 },
    workgroups: [stack.blockCount, stack.width / 16],
  });
  eliminate(recorder, stack, sets.length);
  mirror(recorder, stack, sets.length, result);
  recorder.submit();
  onFailure.move();
  const firstRow = new Array<number>(sets.length);
  order.forEach((i, s) => firstRow[i] = stack.firstRow[s]!);
  return { matrix: result, firstRow, [Symbol.dispose]: () => result[Symbol.dispose]() };
}

/** Records the steps on the first matrices of a stack; they end in one of its pair. */
function eliminate(recorder: Recorder, stack: InverseStack, matrices: number): void {
  const { gpu } = recorder;
  const { pivots, steps, sets, blocks, kept, pair, left, strip, panel, inverted } = stack;
  const constants = { BLOCK: blockSize, PIVOTS: pivots, LANES: inverseLanes(gpu) };
  const { lanes, subgroups } = gpu;
  const blockOperations = 2 * blockSize ** 2 * pivots;
  const code = {
    panel: cachedCode(["panel", lanes, subgroups], () => inverseCode + panelCode(gpu)),
    sweep: cachedCode(["sweep", lanes, subgroups], () => inverseCode + sweepCode(gpu)),
  };
  for (let step = 0; step < steps; step++) {
    const active = activeSets(stack, step).slice(0, matrices);
    const count = countBlocks(stack, active);
    const from = pair[step % 2]!;
    const shared = { constants, uints: { step, steps } };
    recorder.dispatch({
      ...shared,
      constants: { ...constants, TOGETHER: together(gpu) },
      label: "logistic strip",
      code: codes.strip,
      reads: { from },
      writes: { left, strip },
      buffers: { sets, blocks },
      workgroups: [count.rows],
    });
    invertPivots(recorder, stack, step, active.length);
    recorder.dispatch({
      ...shared,
      label: "logistic panel",
      code: code.panel,
      reads: { strip, inverted },
      writes: { panel },
      buffers: { sets, blocks },
      workgroups: [count.rows, pivots / blockSize],
      operations: count.rows * pivots / blockSize * blockOperations,
    });
    recorder.dispatch({
      ...shared,
      label: "logistic sweep",
      code: code.sweep,
      reads: { from, left, panel },
      writes: { to: pair[1 - step % 2]! },
      buffers: { sets, kept },
      workgroups: [count.kept],
      operations: count.kept * blockOperations,
    });
  }
}

/** How often eight lanes fit a workgroup: alone they would leave most of a GPU's subgroup idle. */
function together({ adapter }: Gpu): number {
  return adapter.software ? 1 : 4;
}

/** Records the inverses of the pivot blocks of the first matrices. */
function invertPivots(
  recorder: Recorder,
  { pivots, steps, sets, pair, inverted, inner }: InverseStack,
  step: number,
  matrices: number,
): void {
  const constants = { BLOCK: blockSize, PIVOTS: pivots, LANES: inverseLanes(recorder.gpu) };
  const shared = { reads: { from: pair[step % 2]! }, buffers: { sets }, uints: { step, steps } };
  if (!inner) {
    recorder.dispatch({
      ...shared,
      constants,
      label: "logistic pivot",
      code: codes.pivot,
      writes: { inverted },
      workgroups: [matrices],
    });
    return;
  }
  recorder.dispatch({
    ...shared,
    constants,
    label: "logistic diagonal",
    code: codes.diagonal,
    writes: { to: inner.pair[0] },
    workgroups: [matrices, pivots / blockSize],
  });
  eliminate(recorder, inner, matrices);
  mirror(recorder, inner, matrices, inverted);
}

/** Records the whole of the first inverses, of which a part was kept. */
function mirror(recorder: Recorder, stack: InverseStack, matrices: number, to: Matrix): void {
  const { pivots, steps, sizes, sets, blocks, pair, width } = stack;
  recorder.dispatch({
    label: "logistic mirror",
    code: mirrorCode,
    constants: { BLOCK: blockSize, PIVOTS: pivots, TOGETHER: together(recorder.gpu) },
    reads: { from: pair[steps % 2]! },
    writes: { to },
    buffers: { sets, blocks },
    workgroups: [countBlocks(stack, sizes.slice(0, matrices)).rows, width / blockSize],
  });
}

/** The product of the means of a column and a texel of columns. */
function driftCode(present: boolean): string {
  const value = present
    ? "load_sums(0u, column / 4u)[column & 3u] * load_sums(0u, k) / params.total"
    : "vec4f(0.0)";
  return `\nfn drift(column: u32, k: u32) -> vec4f { return ${value}; }\n`;
}
