import type { Part } from "./spec.ts";

/** A row-major matrix on the host. */
export interface HostMatrix {
  readonly data: Float32Array;
  readonly rows: number;
  readonly cols: number;
}

/** Puts matrices of equal width below each other. */
export function stackRows(parts: readonly HostMatrix[]): HostMatrix {
  const cols = parts[0]!.cols;
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const data = new Float32Array(rows * cols);
  let at = 0;
  for (const part of parts) {
    data.set(part.data, at);
    at += part.data.length;
  }
  return { data, rows, cols };
}

/** Builds a matrix from rows of another; an index of -1 makes a row of zeros. */
export function pickRows(matrix: HostMatrix, indices: readonly number[]): HostMatrix {
  const { data, rows, cols } = matrix;
  if (keepsOrder(indices, rows)) return matrix;
  const picked = new Float32Array(indices.length * cols);
  indices.forEach((from, to) => {
    if (from >= 0) picked.set(data.subarray(from * cols, (from + 1) * cols), to * cols);
  });
  return { data: picked, rows: indices.length, cols };
}

/** Builds a matrix from columns of another; an index of -1 makes a column of zeros. */
export function pickCols(matrix: HostMatrix, indices: readonly number[]): HostMatrix {
  const { data, rows, cols } = matrix;
  if (keepsOrder(indices, cols)) return matrix;
  const picked = new Float32Array(rows * indices.length);
  for (let row = 0; row < rows; row++) {
    for (let to = 0; to < indices.length; to++) {
      const from = indices[to]!;
      if (from >= 0) picked[row * indices.length + to] = data[row * cols + from]!;
    }
  }
  return { data: picked, rows, cols: indices.length };
}

function keepsOrder(indices: readonly number[], count: number): boolean {
  return indices.length === count && indices.every((from, to) => from === to);
}

/** `[rows, cols]` to `[cols, rows]`, a square that fits the cache at a time. */
export function transpose(data: Float32Array, rows: number, cols: number): Float32Array {
  const side = 32;
  const turned = new Float32Array(data.length);
  for (let top = 0; top < rows; top += side) {
    for (let left = 0; left < cols; left += side) {
      const bottom = Math.min(top + side, rows), right = Math.min(left + side, cols);
      for (let col = left; col < right; col++) {
        for (let row = top; row < bottom; row++) turned[col * rows + row] = data[row * cols + col]!;
      }
    }
  }
  return turned;
}

/** Takes one of several equal parts of the rows. */
export function takePart(data: Float32Array, cols: number, part: Part): Float32Array {
  const { index, of, groups = 1 } = part;
  const rows = data.length / cols / of / groups;
  const taken = new Float32Array(data.length / of);
  for (let group = 0; group < groups; group++) {
    const from = (group * of + index) * rows * cols;
    taken.set(data.subarray(from, from + rows * cols), group * rows * cols);
  }
  return taken;
}
