import type { Gpu } from "../gpu/device.ts";
import { createMatrix, type Matrix, writeBand } from "../gpu/matrix.ts";
import { type Precision, texelBytes } from "../gpu/precision.ts";
import { SpindleError } from "../util.ts";
import type { TensorRef } from "./spec.ts";

/**
 * A matrix on the host, without a copy of what its file holds: element (row, col) lies at
 * `rowStarts[row] + colOffsets[col]`, and is zero where either is -1.
 */
export interface HostMatrix {
  readonly data: Float32Array | Float16Array;
  readonly rowStarts: Int32Array;
  readonly colOffsets: Int32Array;
}

/**
 * Bytes that are put together and uploaded at once: they fit a processor's cache, and what the
 * driver holds until they have been copied stays small.
 */
export const bandBytes = 2 * 2 ** 20;

/**
 * A weight `[rows, cols]` in the data of its tensor, which may be transposed or hold other parts.
 */
export function viewWeight(
  data: Float32Array | Float16Array,
  { transposed, part }: TensorRef,
  rows: number,
  cols: number,
): HostMatrix {
  const { index, of, groups = 1 } = part ?? { index: 0, of: 1 };
  const size = rows / groups;
  const rowStep = transposed ? 1 : cols, colStep = transposed ? rows * of : 1;
  return {
    data,
    rowStarts: Int32Array.from(
      { length: rows },
      (_, row) => ((Math.floor(row / size) * of + index) * size + row % size) * rowStep,
    ),
    colOffsets: Int32Array.from({ length: cols }, (_, col) => col * colStep),
  };
}

/** Rows of a matrix in another order; -1 makes a row of zeros. */
export function pickRows(matrix: HostMatrix, order: readonly number[]): HostMatrix {
  return { ...matrix, rowStarts: pick(matrix.rowStarts, order) };
}

/** Columns of a matrix in another order; -1 makes a column of zeros. */
export function pickCols(matrix: HostMatrix, order: readonly number[]): HostMatrix {
  return { ...matrix, colOffsets: pick(matrix.colOffsets, order) };
}

function pick(places: Int32Array, order: readonly number[]): Int32Array {
  return Int32Array.from(order, (index) => index < 0 ? -1 : places[index]!);
}

/**
 * Moves matrices of equal width, one below the other, to the GPU as one.
 *
 * @param scratch Where a band of texels is put together, of `bandBytes` bytes.
 * @throws {SpindleError} If a number is too large for the precision.
 */
export function toGpu(
  gpu: Gpu,
  parts: readonly HostMatrix[],
  label: string,
  precision: Precision,
  scratch: ArrayBuffer,
): Matrix {
  if (precision === "f16") { for (const part of parts) requireHalves(part, label); }
  const rows = parts.reduce((sum, part) => sum + part.rowStarts.length, 0);
  using onFailure = new DisposableStack();
  const cols = parts[0]!.colOffsets.length;
  const matrix = onFailure.use(createMatrix(gpu, rows, cols, label, precision));
  const { stride, texels } = matrix;
  const band = Math.max(1, Math.floor(bandBytes / (stride * texelBytes(precision))));
  for (let first = 0; first < texels; first += band) {
    const length = Math.min(band, texels - first) * stride * 4;
    const packed = precision === "f16"
      ? new Float16Array(scratch, 0, length)
      : new Float32Array(scratch, 0, length);
    packed.fill(0);
    let row = 0;
    for (const part of parts) {
      packBand(part, packed, first, stride, row);
      row += part.rowStarts.length;
    }
    writeBand(matrix, packed, first);
    // What an upload is copied through is kept until the next submission.
    gpu.device.queue.submit([]);
  }
  onFailure.move();
  return matrix;
}

/** The least number that becomes infinite in float16. */
const beyondHalf = 65_520;

function requireHalves({ data }: HostMatrix, label: string): void {
  if (data instanceof Float16Array) return;
  const large = data.find((value) => Math.abs(value) >= beyondHalf && Number.isFinite(value));
  if (large === undefined) return;
  throw new SpindleError(
    `Cannot keep the weights of "${label}" in float16 as ${large} would become infinite: ` +
      "keep them in float32",
  );
}

/** Columns at a time: as many as share a line of the processor's cache. */
const packedColumns = 16;

/** Puts a matrix into texels `[texels, stride, 4]`, from a texel and a row on. */
function packBand(
  { data, rowStarts, colOffsets }: HostMatrix,
  packed: Float32Array | Float16Array,
  firstTexel: number,
  stride: number,
  firstRow: number,
): void {
  const end = Math.min(colOffsets.length, 4 * firstTexel + packed.length / stride);
  for (let left = 4 * firstTexel; left < end; left += packedColumns) {
    const right = Math.min(left + packedColumns, end);
    for (let row = 0; row < rowStarts.length; row++) {
      const start = rowStarts[row]!;
      if (start < 0) continue;
      for (let col = left; col < right; col++) {
        const offset = colOffsets[col]!;
        if (offset < 0) continue;
        const at = ((col >> 2) - firstTexel) * stride + firstRow + row;
        packed[4 * at + (col & 3)] = data[start + offset]!;
      }
    }
  }
}
