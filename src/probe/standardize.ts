import { type Matrix, writeTexels } from "../gpu/matrix.ts";
import type { Features } from "../features/store.ts";
import { SpindleError } from "../util.ts";

export type { Features };

/** The mean and the standard deviation of the used columns; a deviation of 0 is a constant. */
export interface Scaling {
  readonly columns: Uint32Array;
  readonly mean: Float64Array;
  readonly deviation: Float64Array;
}

/** Makes features of an array in memory. */
export function featuresOf(data: Float32Array, rows: number, name?: string): Features {
  const cols = data.length / rows;
  const read = (start: number, end: number) => data.subarray(start * cols, end * cols);
  return { rows, cols, read, ...(name === undefined ? {} : { name }) };
}

/**
 * Measures the used columns.
 *
 * @throws {SpindleError} If a number is not finite.
 */
export function measureScaling(
  features: Features,
  columns: Uint32Array,
  blockRows: number,
): Scaling {
  const mean = new Float64Array(columns.length);
  const squares = new Float64Array(columns.length);
  let seen = 0;
  for (let start = 0; start < features.rows; start += blockRows) {
    const end = Math.min(features.rows, start + blockRows);
    const block = readBlock(features, start, end);
    for (let row = 0; row < end - start; row++) {
      seen++;
      for (let j = 0; j < columns.length; j++) {
        const value = block[row * features.cols + columns[j]!]!;
        const delta = value - mean[j]!;
        mean[j]! += delta / seen;
        squares[j]! += delta * (value - mean[j]!);
      }
    }
    requireFinite(features, block, start);
  }
  return { columns, mean, deviation: squares.map((sum) => Math.sqrt(sum / features.rows)) };
}

/** Writes rows of features, centred and scaled, into the first rows of a matrix. */
export function uploadStandardized(
  matrix: Matrix,
  features: Features,
  start: number,
  end: number,
  { columns, mean, deviation }: Scaling,
): void {
  const block = readBlock(features, start, end);
  const rows = end - start;
  const texels = new Float32Array(matrix.texels * rows * 4);
  const inverse = deviation.map((sd) => (sd > 0 ? 1 / sd : 0));
  for (let row = 0; row < rows; row++) {
    const from = row * features.cols;
    for (let j = 0; j < columns.length; j++) {
      texels[((j >> 2) * rows + row) * 4 + (j & 3)] = (block[from + columns[j]!]! - mean[j]!) *
        inverse[j]!;
    }
  }
  writeTexels(matrix, texels, rows);
}

function readBlock(features: Features, start: number, end: number): Float32Array {
  const block = features.read(start, end);
  const wanted = (end - start) * features.cols;
  if (block.length !== wanted) {
    throw new SpindleError(
      `Cannot use the features${named(features)} as rows ${start} to ${end} hold ` +
        `${block.length} numbers: ${wanted} are wanted`,
    );
  }
  return block;
}

function requireFinite(features: Features, block: Float32Array, start: number): void {
  const at = block.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  throw new SpindleError(
    `Cannot use the features${named(features)} as row ${start + Math.floor(at / features.cols)}, ` +
      `column ${at % features.cols} is ${block[at]}: every feature must be a finite number`,
  );
}

function named({ name }: Features): string {
  return name === undefined ? "" : ` ${name}`;
}
