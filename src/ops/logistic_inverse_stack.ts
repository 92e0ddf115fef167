import type { Gpu } from "../gpu/device.ts";
import type { BufferOperand } from "../gpu/dispatch.ts";
import { createMatrix, type Matrix } from "../gpu/matrix.ts";
import { uploadStorage } from "../gpu/memory.ts";
import { range } from "../util.ts";

/** Rows and columns of a block, of which a workgroup makes one. */
export const blockSize = 32;

/** Pivots of a step on large matrices: each step loads and stores the whole matrix. */
export const widePivots = 128;

/** From so many columns on a matrix is large. */
const large = 512;

/** Matrices to invert, one below the other, with all that a step on them reads and writes. */
export interface InverseStack {
  /** Pivots that a step eliminates, a multiple of {@linkcode blockSize}. */
  readonly pivots: number;
  /** Steps that each matrix takes, in falling order. */
  readonly sizes: readonly number[];
  /** The first row of each matrix. */
  readonly firstRow: readonly number[];
  /** Steps of the widest: the others begin later, so that all end together. */
  readonly steps: number;
  /** Blocks of rows of all matrices, and how many columns the widest has. */
  readonly blockCount: number;
  readonly width: number;
  /** Each step reads one of them and writes the other. */
  readonly pair: readonly [Matrix, Matrix];
  /** The columns of the pivots `[rows, pivots]`. */
  readonly left: Matrix;
  /** The rows of the pivots, and those multiplied with `inverted` `[pivots matrices, width]`. */
  readonly strip: Matrix;
  readonly panel: Matrix;
  /** Inverses of the pivot blocks `[pivots matrices, pivots]`. */
  readonly inverted: Matrix;
  /** The first row of each matrix and its steps; its blocks of rows; its blocks that are kept. */
  readonly sets: BufferOperand;
  readonly blocks: BufferOperand;
  readonly kept: BufferOperand;
  /** Inverts the pivot blocks, where they are more than one block. */
  readonly inner?: InverseStack;
}

/** Pivots of a step on matrices of which the widest has so many columns. */
export function pivotsFor(columns: number): number {
  return columns >= large ? widePivots : blockSize;
}

/**
 * Makes room for matrices.
 *
 * @param owned Owns them.
 * @param sizes The steps that each takes, in falling order.
 * @param ownedPair Owns the pair, of which one becomes the result.
 */
export function createStack(
  owned: DisposableStack,
  gpu: Gpu,
  sizes: readonly number[],
  pivots: number,
  ownedPair: DisposableStack = owned,
): InverseStack {
  const steps = sizes[0]!;
  const count = sizes.length;
  const rows = pivots * sizes.reduce((sum, size) => sum + size, 0);
  const width = pivots * steps;
  const create = (rows: number, cols: number, label: string) =>
    owned.use(createMatrix(gpu, rows, cols, label));
  const inverses = () => ownedPair.use(createMatrix(gpu, rows, width, "inverses"));
  const upload = (label: string, type: string, numbers: number[]): BufferOperand => ({
    storage: owned.use(uploadStorage(gpu, Uint32Array.from(numbers), label)),
    type,
    access: "read",
  });
  let first = 0;
  const firstRow = sizes.map((size) => (first += pivots * size) - pivots * size);
  const perStep = pivots / blockSize;
  const blocksOf = (size: number) => range(size * perStep);
  return {
    pivots,
    sizes,
    firstRow,
    steps,
    blockCount: rows / blockSize,
    width,
    pair: [inverses(), inverses()],
    left: create(rows, pivots, "pivot columns"),
    strip: create(pivots * count, width, "pivot rows"),
    panel: create(pivots * count, width, "panel"),
    inverted: create(pivots * count, pivots, "pivot blocks"),
    sets: upload("sets", "array<vec2u>", sizes.flatMap((size, set) => [firstRow[set]!, size])),
    blocks: upload(
      "blocks",
      "array<vec2u>",
      sizes.flatMap((size, set) => blocksOf(size).flatMap((row) => [set, row])),
    ),
    kept: upload(
      "kept blocks",
      "array<vec4u>",
      sizes.flatMap((size, set) =>
        blocksOf(size).flatMap((row) =>
          blocksOf(size).slice(row - row % perStep).flatMap((column) => [set, row, column, 0])
        )
      ),
    ),
    ...(perStep > 1 && { inner: createStack(owned, gpu, sizes.map(() => perStep), blockSize) }),
  };
}

/** Matrices that a step works on: the widest begin first. */
export function activeSets({ sizes, steps }: InverseStack, step: number): readonly number[] {
  return sizes.filter((size) => step + size >= steps);
}

/** Blocks of rows, and blocks that are kept, of the first matrices. */
export function countBlocks({ pivots }: InverseStack, sizes: readonly number[]) {
  const perStep = pivots / blockSize;
  return {
    rows: sizes.reduce((sum, size) => sum + perStep * size, 0),
    kept: sizes.reduce((sum, size) => sum + perStep * perStep * size * (size + 1) / 2, 0),
  };
}
