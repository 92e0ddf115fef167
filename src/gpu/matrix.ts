import { roundUp, SpindleError } from "../util.ts";
import type { Gpu, MatrixStorage } from "./device.ts";
import { createStorage, type StorageBuffer, uploadPiece } from "./memory.ts";
import { type Precision, texelBytes } from "./precision.ts";

/**
 * A matrix `[rows, cols]` in GPU memory.
 *
 * A texel is four consecutive columns of one row: texel (row, k) holds columns 4k to 4k + 3, and
 * what lies beyond the last column is zero. Texels of neighbouring rows are neighbours in memory,
 * so that the lanes of a workgroup, which run along the rows, read and write side by side.
 */
export interface Matrix extends Disposable {
  readonly gpu: Gpu;
  readonly rows: number;
  readonly cols: number;
  /** Texels of a row. */
  readonly texels: number;
  readonly precision: Precision;
  /** Rows that are allocated; those beyond `rows` are zero as long as no kernel writes them. */
  readonly stride: number;
  readonly memory: GPUTexture | StorageBuffer;
}

/**
 * Matrices are allocated to a multiple of so many rows, for kernels that take several at a time.
 */
export const rowMultiple = 8;

/**
 * Creates a matrix of zeros.
 *
 * @param storage Where it lies, if not where matrices of this GPU do.
 */
export function createMatrix(
  gpu: Gpu,
  rows: number,
  cols: number,
  label = "matrix",
  precision: Precision = "f32",
  storage: MatrixStorage = gpu.storage,
): Matrix {
  const texels = Math.ceil(cols / 4);
  if (storage === "buffer") {
    const stride = oddMultiple(rows, rowMultiple);
    const bytes = stride * texels * texelBytes(precision);
    const most = gpu.device.limits.maxStorageBufferBindingSize;
    if (bytes > most) {
      throw new SpindleError(
        `Cannot create the matrix ${label} of ${rows} rows and ${cols} columns as it takes ` +
          `${bytes} bytes: kernels on this GPU see at most ${most} of a buffer`,
      );
    }
    const memory = createStorage(gpu, bytes, label);
    const dispose = () => memory[Symbol.dispose]();
    return { gpu, rows, cols, texels, precision, stride, memory, [Symbol.dispose]: dispose };
  }
  const limit = gpu.device.limits.maxTextureDimension2D;
  if (rows > limit || texels > limit) {
    throw new SpindleError(
      `Cannot create the matrix ${label} of ${rows} rows and ${cols} columns: ` +
        `at most ${limit} rows and ${4 * limit} columns fit a texture`,
    );
  }
  const stride = offPowerOfTwo(gpu, roundUp(rows, rowMultiple));
  const memory = gpu.device.createTexture({
    label,
    size: [stride, offPowerOfTwo(gpu, texels)],
    format: precision === "f16" ? "rgba16float" : "rgba32float",
    usage: GPUTextureUsage.STORAGE_BINDING | GPUTextureUsage.COPY_SRC | GPUTextureUsage.COPY_DST,
  });
  const bytes = memory.width * memory.height * texelBytes(precision);
  gpu.liveBytes += bytes;
  let freed = false;
  const dispose = () => {
    if (freed) return;
    freed = true;
    gpu.liveBytes -= bytes;
    memory.destroy();
  };
  return { gpu, rows, cols, texels, precision, stride, memory, [Symbol.dispose]: dispose };
}

/** The most rows that a float32 matrix of so many columns has on this GPU. */
export function mostRows({ storage, device: { limits } }: Gpu, cols: number): number {
  if (storage === "texture") return limits.maxTextureDimension2D;
  const rowBytes = Math.ceil(cols / 4) * texelBytes("f32");
  const multiples = Math.floor(limits.maxStorageBufferBindingSize / (rowBytes * rowMultiple));
  return multiples < 1 ? 0 : ((multiples - 1) | 1) * rowMultiple;
}

/**
 * Creates a matrix from row-major host data.
 *
 * @param data `rows * cols` numbers, row after row.
 * @param storage Where it lies, if not where matrices of this GPU do.
 */
export function uploadMatrix(
  gpu: Gpu,
  data: Float32Array,
  rows: number,
  cols: number,
  label = "matrix",
  precision: Precision = "f32",
  storage: MatrixStorage = gpu.storage,
): Matrix {
  const packed = packTexels(data, rows, cols);
  const matrix = createMatrix(gpu, rows, cols, label, precision, storage);
  fillTexels(matrix, packed, rows);
  return matrix;
}

/** Replaces the numbers of a matrix by row-major host data `[rows, cols]`, or its first rows. */
export function writeMatrix(matrix: Matrix, data: Float32Array): void {
  const rows = data.length / matrix.cols;
  writeTexels(matrix, packTexels(data, rows, matrix.cols), rows);
}

/**
 * Replaces the first rows by texels `[texels, rows, 4]`, as {@linkcode packTexels} lays them; what
 * the others hold is lost.
 */
export function fillTexels(matrix: Matrix, packed: Float32Array, rows: number): void {
  const { texels, stride, memory, precision } = matrix;
  if (memory instanceof GPUTexture) return writeTexels(matrix, packed, rows);
  const band = Math.min(texels, Math.ceil(uploadPiece / (stride * texelBytes(precision))));
  const elements = precision === "f16" ? Float16Array : Float32Array;
  const whole = new elements(band * stride * 4);
  for (let first = 0; first < texels; first += band) {
    const height = Math.min(band, texels - first);
    for (let k = 0; k < height; k++) {
      const start = (first + k) * rows * 4;
      whole.set(packed.subarray(start, start + rows * 4), k * stride * 4);
    }
    writeBand(matrix, whole.subarray(0, height * stride * 4), first);
  }
}

/**
 * Replaces `rows` rows from `firstRow` by texels `[texels, rows, 4]`, as {@linkcode packTexels}
 * lays them.
 */
export function writeTexels(
  matrix: Matrix,
  packed: Float32Array,
  rows: number,
  firstRow = 0,
): void {
  const { gpu, texels, stride, memory, precision } = matrix;
  const elements = precision === "f16"
    ? new Float16Array(packed)
    : packed as Float32Array<ArrayBuffer>;
  const rowBytes = rows * texelBytes(precision);
  const bytes = new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
  if (!(memory instanceof GPUTexture)) {
    const placeOf = (k: number) => (k * stride + firstRow) * texelBytes(precision);
    const places = Array.from({ length: texels }, (_, k) => placeOf(k));
    if (!gpu.adapter.software) return copyPieces(memory, bytes, rowBytes, places);
    // A submission would wait for the one before.
    places.forEach((to, k) => memory.write(bytes.subarray(k * rowBytes, (k + 1) * rowBytes), to));
    return;
  }
  const band = Math.max(1, Math.floor(uploadPiece / rowBytes));
  for (let k = 0; k < texels; k += band) {
    const height = Math.min(band, texels - k);
    gpu.device.queue.writeTexture(
      { texture: memory, origin: [firstRow, k] },
      bytes.subarray(k * rowBytes, (k + height) * rowBytes),
      { bytesPerRow: rowBytes },
      [rows, height],
    );
  }
}

/**
 * Copies neighbouring pieces of bytes to their places. They come from the host in one transfer: as
 * one each they would wait for each other.
 */
function copyPieces(
  { gpu: { device }, buffer }: StorageBuffer,
  bytes: Uint8Array,
  pieceBytes: number,
  places: readonly number[],
): void {
  const from = device.createBuffer({
    label: "upload",
    size: bytes.length,
    usage: GPUBufferUsage.MAP_WRITE | GPUBufferUsage.COPY_SRC,
    mappedAtCreation: true,
  });
  new Uint8Array(from.getMappedRange()).set(bytes);
  from.unmap();
  const encoder = device.createCommandEncoder();
  places.forEach((to, i) =>
    encoder.copyBufferToBuffer(from, i * pieceBytes, buffer, to, pieceBytes)
  );
  device.queue.submit([encoder.finish()]);
  from.destroy();
}

/**
 * Replaces texels `first` and following of all rows.
 *
 * @param packed `[texels, stride, 4]` in the matrix's precision.
 */
export function writeBand(
  { gpu, stride, memory, precision }: Matrix,
  packed: Float32Array<ArrayBuffer> | Float16Array<ArrayBuffer>,
  first: number,
): void {
  const rowBytes = stride * texelBytes(precision);
  if (!(memory instanceof GPUTexture)) return memory.write(packed, first * rowBytes);
  gpu.device.queue.writeTexture(
    { texture: memory, origin: [0, first] },
    packed,
    { bytesPerRow: rowBytes },
    [stride, packed.byteLength / rowBytes],
  );
}

/** Row-major `[rows, cols]` to texels `[ceil(cols / 4), rows, 4]`, zero beyond the last column. */
export function packTexels(data: Float32Array, rows: number, cols: number): Float32Array {
  const packed = new Float32Array(Math.ceil(cols / 4) * rows * 4);
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) {
      packed[((col >> 2) * rows + row) * 4 + (col & 3)] = data[row * cols + col]!;
    }
  }
  return packed;
}

/**
 * `rows` rounded up to an odd multiple of `step`: texels a power of two apart, as those of
 * neighbouring columns would be, share places in caches.
 */
export function oddMultiple(rows: number, step: number): number {
  return (Math.ceil(rows / step) | 1) * step;
}

/** llvmpipe compiles every kernel once more for textures whose size is a power of two. */
function offPowerOfTwo(gpu: Gpu, size: number): number {
  const isPower = (size & (size - 1)) === 0;
  return isPower && size < gpu.device.limits.maxTextureDimension2D ? size + 1 : size;
}
