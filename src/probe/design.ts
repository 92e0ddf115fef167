import type { Features } from "../features/store.ts";
import type { Gpu } from "../gpu/device.ts";
import { createMatrix, type Matrix, mostRows } from "../gpu/matrix.ts";
import { type StorageBuffer, uploadStorage } from "../gpu/memory.ts";
import { mostOperations, Recorder } from "../gpu/recorder.ts";
import { recordGram } from "../ops/logistic_gradient.ts";
import { rowsPerChunk } from "../ops/logistic_state.ts";
import { createWholeTiles } from "../ops/logistic_tiles.ts";
import { measureScaling, rowsPerRead, type Scaling, uploadStandardized } from "./standardize.ts";

/** Rows of the features, centred and scaled. */
export interface DesignBlock {
  readonly firstRow: number;
  readonly rows: number;
  /**
   * Records work on the rows; rows that do not stay in GPU memory are uploaded, and it is
   * submitted.
   */
  record(recorder: Recorder, work: (x: Matrix) => void): void;
}

/** At most how many bytes of features stay in GPU memory where nothing else is said. */
export const defaultResidentBytes = 2 ** 30;

/** The columns that a batch of fits shares, in GPU memory, with their Gram matrix. */
export interface Design extends Disposable {
  readonly rows: number;
  readonly blocks: readonly DesignBlock[];
  readonly scaling: Scaling;
  /** `x^T x / 4` `[cols, cols]`: a bound on the curvature of the loss. */
  readonly gram: Matrix;
  /** The class of each row. */
  readonly labels: StorageBuffer;
}

/** Uploads features by blocks of rows and multiplies their Gram matrix. */
export function createDesign(
  gpu: Gpu,
  features: Features,
  labels: ArrayLike<number>,
  columns: Uint32Array,
  residentBytes?: number,
): Design {
  using onFailure = new DisposableStack();
  const scaling = measureScaling(features, columns);
  const blocks = cutRows(onFailure, gpu, features, scaling, residentBytes);
  return assembleDesign(onFailure, gpu, blocks, scaling, labels);
}

/**
 * Makes a design of its blocks.
 *
 * @param onFailure Owns what the blocks hold; the design takes it over.
 */
export function assembleDesign(
  onFailure: DisposableStack,
  gpu: Gpu,
  blocks: readonly DesignBlock[],
  scaling: Scaling,
  labels: ArrayLike<number>,
): Design {
  const labelBuffer = onFailure.use(uploadStorage(gpu, Uint32Array.from(labels), "labels"));
  const gram = onFailure.use(gramMatrix(gpu, blocks, scaling.columns.length));
  const owned = onFailure.move();
  return {
    rows: labels.length,
    blocks,
    scaling,
    gram,
    labels: labelBuffer,
    [Symbol.dispose]: () => owned.dispose(),
  };
}

/**
 * Cuts the rows of features into blocks.
 *
 * @param owned Owns the blocks that stay in GPU memory.
 * @param residentBytes All blocks stay if they take no more, else none.
 */
export function cutRows(
  owned: DisposableStack,
  gpu: Gpu,
  features: Features,
  scaling: Scaling,
  residentBytes = defaultResidentBytes,
): DesignBlock[] {
  const cols = scaling.columns.length;
  const step = blockRows(gpu, cols);
  const stay = 4 * features.rows * cols <= residentBytes;
  const blocks: DesignBlock[] = [];
  for (let firstRow = 0; firstRow < features.rows; firstRow += step) {
    const rows = Math.min(step, features.rows - firstRow);
    const upload = () => uploadRows(gpu, features, firstRow, rows, scaling);
    blocks.push(
      stay ? residentBlock(owned.use(upload()), firstRow) : passingBlock(upload, firstRow, rows),
    );
  }
  return blocks;
}

/** Rows that are in GPU memory. */
export function residentBlock(x: Matrix, firstRow: number): DesignBlock {
  return { firstRow, rows: x.rows, record: (_, work) => work(x) };
}

function passingBlock(upload: () => Matrix, firstRow: number, rows: number): DesignBlock {
  return {
    firstRow,
    rows,
    record(recorder, work) {
      using x = upload();
      work(x);
      recorder.submit();
    },
  };
}

/** Bytes of uploads that may wait in host memory. */
const mostWaiting = 2 ** 26;

/** Uploads rows piece by piece, so that the host holds few of them at a time. */
function uploadRows(
  gpu: Gpu,
  features: Features,
  firstRow: number,
  rows: number,
  scaling: Scaling,
): Matrix {
  using onFailure = new DisposableStack();
  const label = features.name ?? "features";
  const x = onFailure.use(createMatrix(gpu, rows, scaling.columns.length, label));
  const step = rowsPerRead(features);
  let waiting = 0;
  for (let at = 0; at < rows; at += step) {
    const end = firstRow + Math.min(rows, at + step);
    uploadStandardized(x, features, firstRow + at, end, scaling, at);
    // What was uploaded stays in host memory until something is submitted; that waits for the GPU.
    waiting += 16 * step * x.texels;
    if (waiting < mostWaiting) continue;
    new Recorder(gpu).submit();
    waiting = 0;
  }
  onFailure.move();
  return x;
}

/**
 * As many rows as fit a matrix and the loop limit of software drivers; on a GPU their Gram matrix
 * is no more work than a submission may be.
 */
export function blockRows(gpu: Gpu, cols: number): number {
  const working = gpu.adapter.software ? Infinity : mostOperations / cols ** 2;
  const rows = Math.min(mostRows(gpu, cols), 16_384, working);
  return Math.max(1, Math.floor(rows / rowsPerChunk)) * rowsPerChunk;
}

/**
 * Submits `x^T x / 4`.
 *
 * @param weights For each block the weights of its rows instead of 1/4.
 */
export function gramMatrix(
  gpu: Gpu,
  blocks: readonly DesignBlock[],
  cols: number,
  weights?: readonly Matrix[],
): Matrix {
  using owned = new DisposableStack();
  const width = gpu.adapter.software ? 16 : 8;
  const tiles = createWholeTiles(owned, gpu, width, cols, Math.ceil(cols / 4));
  using recorder = new Recorder(gpu);
  const scale = weights ? 1 : 0.25;
  using onFailure = new DisposableStack();
  let total: Matrix | undefined;
  blocks.forEach(({ rows, record }, i) => {
    const next = onFailure.use(createMatrix(gpu, cols, cols, "gram"));
    record(recorder, (x) => recordGram(recorder, x, next, tiles, scale, rows, total, weights?.[i]));
    recorder.submit();
    total?.[Symbol.dispose]();
    total = next;
  });
  onFailure.move();
  return total!;
}
