import type { Features } from "../features/store.ts";
import { type Matrix, writeTexels } from "../gpu/matrix.ts";
import { range, SpindleError, typeOf } from "../util.ts";

/** The mean and the standard deviation of the used columns; a deviation of 0 is a constant. */
export interface Scaling {
  readonly columns: Uint32Array;
  readonly mean: Float64Array;
  readonly deviation: Float64Array;
}

/** Rows that are standardised at a time. */
const rowsAtOnce = 16;

/** Makes features of an array in memory, which others may write to: it is not lasting. */
export function featuresOf(data: Float32Array, rows: number, name?: string): Features {
  const cols = data.length / rows;
  const read = (start: number, end: number) => data.subarray(start * cols, end * cols);
  return { rows, cols, read, ...(name !== undefined && { name }) };
}

/** Rows of features that are read at a time: few megabytes, which fit a cache. */
export function rowsPerRead({ cols }: Features): number {
  return 64 * Math.max(1, Math.floor(2 ** 20 / (64 * cols)));
}

/** Features of at most so many bytes stay in memory from one reading to the next. */
const rememberedBytes = 2 ** 28;

/** The same features, which keep what was read where that is little: reading may take its time. */
export function rememberRows(features: Features): Features {
  const { rows, cols, name, isLasting } = features;
  if (4 * rows * cols > rememberedBytes) return features;
  const step = rowsPerRead(features);
  const blocks: Float32Array[] = [];
  const readWhole = (i: number) => {
    const block = readBlock(features, i * step, Math.min(rows, (i + 1) * step));
    return isLasting ? block : block.slice();
  };
  const blockAt = (i: number) => blocks[i] ??= readWhole(i);
  return {
    rows,
    cols,
    ...(name !== undefined && { name }),
    isLasting: true,
    read(start, end) {
      const [first, last] = [Math.floor(start / step), Math.ceil(end / step) - 1];
      const part = (i: number) =>
        blockAt(i).subarray(Math.max(0, start - i * step) * cols, (end - i * step) * cols);
      if (last <= first) return part(first);
      const whole = new Float32Array((end - start) * cols);
      for (let i = first; i <= last; i++) whole.set(part(i), Math.max(0, i * step - start) * cols);
      return whole;
    },
  };
}

/**
 * Measures the used columns.
 *
 * @param blockRows How many rows are read at a time.
 * @throws {SpindleError} If a number is not finite.
 */
export function measureScaling(
  features: Features,
  columns: Uint32Array,
  blockRows = rowsPerRead(features),
): Scaling {
  const mean = new Float64Array(columns.length);
  const squares = new Float64Array(columns.length);
  let seen = 0;
  for (let start = 0; start < features.rows; start += blockRows) {
    const end = Math.min(features.rows, start + blockRows);
    const block = readBlock(features, start, end);
    for (let row = 0; row < end - start; row++) {
      const share = 1 / ++seen;
      const from = row * features.cols;
      for (let j = 0; j < columns.length; j++) {
        const value = block[from + columns[j]!]!;
        const delta = value - mean[j]!;
        mean[j]! += delta * share;
        squares[j]! += delta * (value - mean[j]!);
      }
    }
    // What is not finite leaves its mark on the mean.
    if (!mean.every(Number.isFinite)) requireFinite(features, columns, block, start);
  }
  return { columns, mean, deviation: squares.map((sum) => Math.sqrt(sum / features.rows)) };
}

/**
 * As the mean of each used column the number in it that is nearest to zero: no row is further from
 * it than twice its own size, however large the others are, so that it keeps its digits. They are
 * not scaled.
 */
export function measureOffsets(features: Features, columns: Uint32Array): Scaling {
  const nearest = new Float64Array(columns.length).fill(Infinity);
  eachRow(features, (values, from) => {
    for (let j = 0; j < columns.length; j++) {
      const value = values[from + columns[j]!]!;
      if (Math.abs(value) < Math.abs(nearest[j]!)) nearest[j] = value;
    }
  });
  return { columns, mean: nearest, deviation: new Float64Array(columns.length).fill(1) };
}

/** The scaling of some of the columns. */
export function selectScaling({ mean, deviation }: Scaling, columns: Uint32Array): Scaling {
  return {
    columns,
    mean: Float64Array.from(columns, (column) => mean[column]!),
    deviation: Float64Array.from(columns, (column) => deviation[column]!),
  };
}

/**
 * Writes rows of features, centred and scaled, into a matrix.
 *
 * @param firstRow The row of the matrix where they begin.
 * @throws {SpindleError} If a number is not finite.
 */
export function uploadStandardized(
  matrix: Matrix,
  features: Features,
  start: number,
  end: number,
  { columns, mean, deviation }: Scaling,
  firstRow = 0,
): void {
  const block = readBlock(features, start, end);
  const rows = end - start;
  const texels = new Float32Array(matrix.texels * rows * 4);
  const { cols } = features;
  // Beyond the last column stands the first one, times nothing.
  const each = range(4 * matrix.texels).map((j) => ({
    column: columns[j] ?? columns[0]!,
    shift: mean[j] ?? 0,
    scale: deviation[j]! > 0 ? 1 / deviation[j]! : 0,
  }));
  let marks = 0;
  // Texels of neighbouring rows are neighbours: some rows at a time fill whole lines of the cache.
  for (let first = 0; first < rows; first += rowsAtOnce) {
    const last = Math.min(rows, first + rowsAtOnce);
    for (let k = 0; k < matrix.texels; k++) {
      const [x, y, z, w] = [each[4 * k]!, each[4 * k + 1]!, each[4 * k + 2]!, each[4 * k + 3]!];
      let to = 4 * (k * rows + first);
      for (let row = first; row < last; row++, to += 4) {
        const from = row * cols;
        const a = block[from + x.column]!;
        const b = block[from + y.column]!;
        const c = block[from + z.column]!;
        const d = block[from + w.column]!;
        texels[to] = (a - x.shift) * x.scale;
        texels[to + 1] = (b - y.shift) * y.scale;
        texels[to + 2] = (c - z.shift) * z.scale;
        texels[to + 3] = (d - w.shift) * w.scale;
        marks += 0 * a + 0 * b + (0 * c + 0 * d);
      }
    }
  }
  // Nothing times what is not finite is not a number.
  if (Number.isNaN(marks)) requireFinite(features, columns, block, start);
  writeTexels(matrix, texels, rows, firstRow);
}

/** Shows rows one after another: the numbers that were read with them, and where its own begin. */
export function eachRow(
  features: Features,
  visit: (values: Float32Array, from: number, row: number) => void,
): void {
  const step = rowsPerRead(features);
  for (let start = 0; start < features.rows; start += step) {
    const end = Math.min(features.rows, start + step);
    const values = readBlock(features, start, end);
    for (let row = start; row < end; row++) visit(values, (row - start) * features.cols, row);
  }
}

function readBlock(features: Features, start: number, end: number): Float32Array {
  const block = features.read(start, end);
  if (!(block instanceof Float32Array)) {
    throw new SpindleError(
      `Cannot use the features${named(features)} as they are read as ${typeOf(block)}: a ` +
        "Float32Array is needed",
    );
  }
  const wanted = (end - start) * features.cols;
  if (block.length !== wanted) {
    throw new SpindleError(
      `Cannot use the features${named(features)} as rows ${start} to ${end} hold ` +
        `${block.length} numbers: ${wanted} are wanted`,
    );
  }
  return block;
}

/** Throws for the first number that is not finite in the used columns of a block. */
function requireFinite(
  features: Features,
  columns: Uint32Array,
  block: Float32Array,
  start: number,
): void {
  for (let row = 0; row < block.length / features.cols; row++) {
    for (const column of columns) {
      const value = block[row * features.cols + column]!;
      if (Number.isFinite(value)) continue;
      // Named features are of sentences, which people count from 1.
      const place = features.name === undefined
        ? `row ${start + row}, column ${column}`
        : `neuron ${column} of sentence ${start + row + 1}`;
      throw new SpindleError(
        `Cannot use the features${named(features)} as ${place} is ${value}: every feature must ` +
          `be a finite number`,
      );
    }
  }
}

function named({ name }: Features): string {
  return name === undefined ? "" : ` ${name}`;
}
