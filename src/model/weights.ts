import { SpindleError } from "../util.ts";
import type { Gpu } from "../gpu/device.ts";
import { type Matrix, type Precision, uploadMatrix } from "../gpu/matrix.ts";
import { findTensor, readFloats, type TensorSource } from "../formats/safetensors.ts";
import type { Part, TensorRef } from "./spec.ts";

/** A row-major matrix on the host. */
export interface HostMatrix {
  readonly data: Float32Array;
  readonly rows: number;
  readonly cols: number;
}

/** Reads the tensors of a checkpoint by the references of its family. */
export class WeightReader {
  readonly #prefix: string;
  readonly #used = new Set<string>();

  constructor(readonly source: TensorSource, prefixes: readonly string[], probe: TensorRef) {
    this.#prefix = ["", ...prefixes].find((prefix) => source.tensors.has(prefix + probe.name)) ??
      "";
  }

  /** Whether the checkpoint holds a tensor. */
  has(ref: TensorRef): boolean {
    return this.source.tensors.has(this.#prefix + ref.name);
  }

  /**
   * Reads a weight `[rows, cols]`, rows being the outputs of a linear layer.
   *
   * @throws {SpindleError} If the tensor is missing or has another shape.
   */
  matrix(ref: TensorRef, rows: number, cols: number): HostMatrix {
    const parts = ref.part?.of ?? 1;
    const stored = ref.transposed ? [cols, rows * parts] : [rows * parts, cols];
    let data = this.#read(ref, stored);
    if (ref.transposed) data = transpose(data, cols, rows * parts);
    if (ref.part) data = takePart(data, cols, ref.part);
    return { data, rows, cols };
  }

  /** Reads a table of rows of the given width, however many there are. */
  rows(ref: TensorRef, width: number): Float32Array {
    const { shape } = findTensor(this.source, this.#prefix + ref.name);
    return this.#read(ref, [shape[0] ?? 0, width]);
  }

  /** Reads a bias or a gain as a matrix `[1, size]`. */
  vector(ref: TensorRef, size: number): HostMatrix {
    let data = this.#read(ref, [size * (ref.part?.of ?? 1)]);
    if (ref.part) data = takePart(data, 1, ref.part);
    if (ref.plus) data = data.map((value) => value + ref.plus!);
    return { data, rows: 1, cols: size };
  }

  /** The names that nothing has read and `ignored` does not match. */
  surplus(ignored: RegExp): string[] {
    return [...this.source.tensors.keys()].filter((name) => {
      const bare = name.startsWith(this.#prefix) ? name.slice(this.#prefix.length) : name;
      return !this.#used.has(name) && !ignored.test(bare) && !ignored.test(name);
    });
  }

  #read(ref: TensorRef, shape: readonly number[]): Float32Array {
    const name = this.#prefix + ref.name;
    const found = findTensor(this.source, name).shape;
    if (found.join() !== shape.join()) {
      throw new SpindleError(
        `Cannot load "${this.source.path}" as the tensor "${name}" has the shape ` +
          `[${found.join(", ")}]: config.json asks for [${shape.join(", ")}]`,
      );
    }
    this.#used.add(name);
    return readFloats(this.source, name);
  }
}

/** Moves a host matrix to the GPU. */
export function toGpu(
  gpu: Gpu,
  { data, rows, cols }: HostMatrix,
  label: string,
  precision: Precision = "f32",
): Matrix {
  return uploadMatrix(gpu, data, rows, cols, label, precision);
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
export function pickRows({ data, cols }: HostMatrix, indices: readonly number[]): HostMatrix {
  const picked = new Float32Array(indices.length * cols);
  indices.forEach((from, to) => {
    if (from >= 0) picked.set(data.subarray(from * cols, (from + 1) * cols), to * cols);
  });
  return { data: picked, rows: indices.length, cols };
}

/** Builds a matrix from columns of another; an index of -1 makes a column of zeros. */
export function pickCols(matrix: HostMatrix, indices: readonly number[]): HostMatrix {
  const { data, rows, cols } = matrix;
  const picked = new Float32Array(rows * indices.length);
  for (let row = 0; row < rows; row++) {
    indices.forEach((from, to) => {
      if (from >= 0) picked[row * indices.length + to] = data[row * cols + from]!;
    });
  }
  return { data: picked, rows, cols: indices.length };
}

function transpose(data: Float32Array, rows: number, cols: number): Float32Array {
  const turned = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) turned[col * rows + row] = data[row * cols + col]!;
  }
  return turned;
}

function takePart(data: Float32Array, cols: number, { index, of, groups = 1 }: Part): Float32Array {
  const rows = data.length / cols / of / groups;
  const taken = new Float32Array(data.length / of);
  for (let group = 0; group < groups; group++) {
    const from = (group * of + index) * rows * cols;
    taken.set(data.subarray(from, from + rows * cols), group * rows * cols);
  }
  return taken;
}
