import type { Gpu } from "../gpu/device.ts";
import { createMatrix, uploadMatrix } from "../gpu/matrix.ts";
import { createStorage } from "../gpu/memory.ts";
import { logisticGradient } from "../ops/logistic_gradient.ts";
import { logisticMargins, marginHeights } from "../ops/logistic_margins.ts";
import { type FitState, logisticResidual, stateFields } from "../ops/logistic_rows.ts";
import { createWholeTiles } from "../ops/logistic_tiles.ts";
import { seededRandom } from "../data/split.ts";
import { randomNumbers } from "./numbers.ts";
import type { Problem } from "./problem.ts";
import { referenceLogisticGradient, referenceMatmul } from "./reference.ts";

/** Fits that share the loads of a tile. */
const tileWidth = 16;

/** The gradient of the logistic loss of many fits on one matrix `[rows, cols]`. */
export function logisticProblem(gpu: Gpu, rows: number, cols: number, fits: number): Problem {
  using onFailure = new DisposableStack();
  const owned = onFailure.use(new DisposableStack());
  const { numbers, x, v, tiles } = createOperands(gpu, owned, rows, cols, fits);
  const create = (label: string) => owned.use(createMatrix(gpu, rows, fits, label));
  const block = {
    rows,
    firstRow: 0,
    z: create("margins"),
    previous: create("previous margins"),
    next: create("next margins"),
    residuals: create("residuals"),
  };
  const g = owned.use(createMatrix(gpu, fits, cols, "gradient"));
  const classes = randomLabels(rows);
  const labels = owned.use(createStorage(gpu, rows * 4, "labels"));
  labels.write(classes);
  const state = createState(gpu, tiles.count * tileWidth, owned);
  onFailure.move();
  return {
    kernel: "logistic",
    shape: [rows, cols, fits],
    work: { flops: 4 * rows * cols * fits },
    bound: 1e-5,
    variants: [{
      name: "margins, residuals, gradient",
      record: (recorder) => {
        logisticMargins(recorder, x, v, block.z, tiles);
        logisticResidual(recorder, block, labels, state);
        logisticGradient(recorder, x, block.residuals, g, tiles);
      },
      output: g,
    }],
    expected: () => referenceLogisticGradient(numbers.x, numbers.v, classes, rows, fits, cols),
    [Symbol.dispose]: () => owned.dispose(),
  };
}

/** The margins of many fits by each number of rows a lane, the default first. */
export function marginsProblem(gpu: Gpu, rows: number, cols: number, fits: number): Problem {
  using onFailure = new DisposableStack();
  const owned = onFailure.use(new DisposableStack());
  const { numbers, x, v, tiles } = createOperands(gpu, owned, rows, cols, fits);
  const z = owned.use(createMatrix(gpu, rows, fits, "margins"));
  onFailure.move();
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
function createOperands(
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

/** Fits without intercept and momentum, all of which tell class 1 from class 0. */
function createState(gpu: Gpu, fits: number, owned: DisposableStack): FitState {
  const ones = ["BALANCE_POSITIVE", "BALANCE_NEGATIVE"];
  const state = owned.use(createStorage(gpu, stateFields.length * fits * 4, "state"));
  state.write(Float32Array.from(
    stateFields.flatMap((name) => Array(fits).fill(ones.includes(name) ? 1 : 0)),
  ));
  const targets = owned.use(createStorage(gpu, fits * 4, "targets"));
  targets.write(new Uint32Array(fits).fill(1));
  const partials = owned.use(createStorage(gpu, 16, "partials"));
  return { state, partials, targets, fitTexels: fits / 4 };
}

function randomLabels(rows: number): Uint32Array<ArrayBuffer> {
  const random = seededRandom(3);
  return Uint32Array.from({ length: rows }, () => Number(random() < 0.5));
}
