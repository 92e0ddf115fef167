import residualCode from "../../shaders/logistic_residual.wgsl" with { type: "text" };
import rowsCode from "../../shaders/logistic_rows.wgsl" with { type: "text" };
import sumsCode from "../../shaders/logistic_sums.wgsl" with { type: "text" };
import weightsCode from "../../shaders/logistic_weights.wgsl" with { type: "text" };
import type { BufferOperand } from "../gpu/dispatch.ts";
import type { Matrix } from "../gpu/matrix.ts";
import type { StorageBuffer } from "../gpu/memory.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { cachedCode } from "./code_cache.ts";
import { fieldConstants, type FitState, rowsPerChunk, sumsPerChunk } from "./logistic_state.ts";

/** A block of rows with its margins. */
export interface RowBlock {
  readonly rows: number;
  /** Where the block starts among all rows, a multiple of {@linkcode rowsPerChunk}. */
  readonly firstRow: number;
  readonly z: Matrix;
  readonly previous: Matrix;
  readonly next: Matrix;
  readonly residuals: Matrix;
  /** The curvature of the model at each row `[rows, fits]`; 1/4 where not given. */
  readonly weights?: Matrix | undefined;
}

/** Which dual point: the residuals at the extrapolated point, or those of the quadratic model. */
export type DualPoint = "residual" | "model";

/** Records one of the sums of `logistic_sums.wgsl` over a block of rows. */
export function logisticSums(
  recorder: Recorder,
  pass: "sums" | "drift" | "compare" | "loss" | "entropy",
  block: RowBlock,
  labels: StorageBuffer,
  fits: FitState,
  point: DualPoint = "residual",
): void {
  rowKernel(recorder, pass, sumsCode, block, labels, fits, point);
}

/** Records the balanced residuals of a block of rows into `block.residuals`. */
export function logisticResidual(
  recorder: Recorder,
  block: RowBlock,
  labels: StorageBuffer,
  fits: FitState,
  point: DualPoint = "residual",
): void {
  rowKernel(recorder, "residual", residualCode, block, labels, fits, point, block.residuals);
}

/** Records the curvature of the loss at each row of the accepted point into `weights`. */
export function logisticWeights(
  recorder: Recorder,
  block: RowBlock,
  weights: Matrix,
  labels: StorageBuffer,
  fits: FitState,
  allRows: number,
): void {
  const plain = { ...block, weights: undefined };
  rowKernel(recorder, "weights", weightsCode, plain, labels, fits, "residual", weights, allRows);
}

function rowKernel(
  recorder: Recorder,
  pass: string,
  code: string,
  block: RowBlock,
  labels: StorageBuffer,
  { state, partials, targets, fitTexels }: FitState,
  point: DualPoint,
  stored?: Matrix,
  allRows = 0,
): void {
  const { z, previous, next, weights, rows, firstRow } = block;
  const sink: Record<string, BufferOperand> = stored
    ? {}
    : { partials: { storage: partials, type: "array<vec4f>", access: "read_write" } };
  recorder.dispatch({
    label: `logistic ${pass} ${rows}x${z.cols}`,
    code: cachedCode(["rows", pass, !!weights], () =>
      rowsCode + code + `
fn row_weight(row: u32, t: u32) -> vec4f { return ${weights ? "load_w(row, t)" : "vec4f(0.25)"}; }

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  ${pass}(group, lane);
}`),
    constants: {
      ...fieldConstants,
      LANES: recorder.gpu.lanes,
      ROWS: rowsPerChunk,
      SUMS: sumsPerChunk,
      MODEL: Number(point === "model"),
      ROUGH_LOG: Number(!recorder.gpu.adapter.software),
    },
    reads: weights ? { z, previous, next, w: weights } : { z, previous, next },
    ...(stored && { writes: { r: stored }, writtenRows: rows }),
    buffers: {
      labels: { storage: labels, type: "array<u32>", access: "read" },
      targets: { storage: targets, type: "array<vec4u>", access: "read" },
      state: { storage: state, type: "array<vec4f>", access: "read" },
      ...sink,
    },
    uints: {
      rows,
      first_row: firstRow,
      first_chunk: firstRow / rowsPerChunk,
      fit_texels: fitTexels,
    },
    floats: { all_rows: allRows },
    workgroups: [z.texels, Math.ceil(rows / rowsPerChunk)],
  });
}
