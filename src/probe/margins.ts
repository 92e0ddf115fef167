import type { Gpu } from "../gpu/device.ts";
import { createMatrix, uploadMatrix } from "../gpu/matrix.ts";
import { readMatrix } from "../gpu/read_matrix.ts";
import { Recorder } from "../gpu/recorder.ts";
import { logisticMargins } from "../ops/logistic_margins.ts";
import { createWholeTiles } from "../ops/logistic_tiles.ts";
import type { DesignBlock } from "./design.ts";

/**
 * Products of a block of rows and weights.
 *
 * @param weights `[fits, columns of the block]`.
 * @returns `[rows, fits]`.
 */
export async function blockMargins(
  gpu: Gpu,
  { rows, record }: DesignBlock,
  weights: Float32Array,
  fits: number,
): Promise<Float32Array> {
  const cols = weights.length / fits;
  using owned = new DisposableStack();
  const v = owned.use(uploadMatrix(gpu, weights, fits, cols, "coefficients"));
  const z = owned.use(createMatrix(gpu, rows, fits, "margins"));
  const tiles = wholeTiles(owned, gpu, fits, cols);
  using recorder = new Recorder(gpu);
  record(recorder, (x) => logisticMargins(recorder, x, v, z, tiles, rows));
  recorder.submit();
  return await readMatrix(z);
}

/** Tiles of fits that use all of the columns. */
export function wholeTiles(owned: DisposableStack, gpu: Gpu, fits: number, cols: number) {
  return createWholeTiles(owned, gpu, fits > 8 ? 16 : 8, fits, Math.ceil(cols / 4));
}
