import { roundUp } from "../util.ts";
import type { Matrix } from "./matrix.ts";
import { type Pending, Readback } from "./readback.ts";
import { Recorder } from "./recorder.ts";

/** Reads a float32 matrix back as row-major `[rows, cols]`. */
export async function readMatrix(matrix: Matrix): Promise<Float32Array<ArrayBuffer>> {
  using recorder = new Recorder(matrix.gpu);
  using pending = copyMatrixBack(recorder, matrix);
  recorder.submit();
  return await pending.read();
}

/** Records a copy of a float32 matrix, to be read as row-major `[rows, cols]`. */
export function copyMatrixBack(
  recorder: Recorder,
  { gpu, rows, cols, texels, stride, memory }: Matrix,
): Pending<Float32Array<ArrayBuffer>> {
  const pitch = memory instanceof GPUTexture ? roundUp(rows * 16, 256) : stride * 16;
  const bytes = pitch * texels;
  const readback = new Readback(gpu, bytes);
  if (memory instanceof GPUTexture) {
    recorder.copyTextureBack(memory, readback, pitch, [rows, texels]);
  } else recorder.copyBack(memory.buffer, readback, bytes);
  return {
    read: async () => unpackTexels(new Float32Array(await readback.read(bytes)), rows, cols),
    [Symbol.dispose]: () => readback[Symbol.dispose](),
  };
}

/** The converse of {@linkcode packTexels}, for texels whose rows may be padded. */
function unpackTexels(packed: Float32Array, rows: number, cols: number) {
  const pitch = packed.length / Math.ceil(cols / 4);
  const data = new Float32Array(rows * cols);
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) {
      data[row * cols + col] = packed[(col >> 2) * pitch + row * 4 + (col & 3)]!;
    }
  }
  return data;
}
