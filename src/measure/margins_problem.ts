import type { Gpu } from "../gpu/device.ts";
import { createMatrix, uploadMatrix } from "../gpu/matrix.ts";
import { logisticMargins, marginHeights } from "../ops/logistic_margins.ts";
import { createWholeTiles } from "../ops/logistic_tiles.ts";
import { randomNumbers } from "./numbers.ts";
import type { Problem } from "./problem.ts";
import { referenceMatmul } from "./reference.ts";

/** Fits that share the loads of a tile. */
export const tileWidth = 16;

/** The margins of many fits by each number of rows a lane, the default first. */
export function marginsProblem(gpu: Gpu, rows: number, cols: number, fits: number): Problem {
  using onFailure = new DisposableStack();
  const { numbers, x, v, tiles } = createOperands(gpu, onFailure, rows, cols, fits);
  const z = onFailure.use(createMatrix(gpu, rows, fits, "margins"));
  const owned = onFailure.move();
  return {
    kernel: "logistic",
    shape: [rows, cols, fits],
    work: { flops: 2 * rows * cols * fits },
    bound: 1e-5,
    variants: [...marginHeights(gpu)].map(([name, height]) => ({
      name,
      record: (recorder) => logisticMargins(recorder, x, v, z, tiles, rows, height),
      output: z,
    })),
    expected: () => referenceMatmul(numbers.x, numbers.v, rows, fits, cols),
    [Symbol.dispose]: () => owned.dispose(),
  };
}

/** Features `x [rows, cols]` and coefficients `v [fits, cols]`, all of which are used. */
export function createOperands(
  gpu: Gpu,
  owned: DisposableStack,
  rows: number,
  cols: number,
  fits: number,
) {
  const numbers = {
    x: randomNumbers(rows * cols, 1),
    v: randomNumbers(fits * cols, 2).map((value) => 0.1 * value),
  };
  const x = owned.use(uploadMatrix(gpu, numbers.x, rows, cols, "x"));
  const v = owned.use(uploadMatrix(gpu, numbers.v, fits, cols, "v"));
  return { numbers, x, v, tiles: createWholeTiles(owned, gpu, tileWidth, fits, x.texels) };
}
