import type { Gpu } from "../gpu/device.ts";
import { createMatrix } from "../gpu/matrix.ts";
import { createStorage, uploadStorage } from "../gpu/memory.ts";
import { createOperands, tileWidth } from "../measure/margins_problem.ts";
import type { Problem } from "../measure/problem.ts";
import { referenceLogisticGradient } from "../measure/reference.ts";
import { logisticGradient } from "../ops/logistic_gradient.ts";
import { logisticMargins } from "../ops/logistic_margins.ts";
import { logisticResidual } from "../ops/logistic_rows.ts";
import { type FitState, stateFields } from "../ops/logistic_state.ts";
import { seededRandom } from "../random.ts";

/** The gradient of the logistic loss of many fits on one matrix `[rows, cols]`. */
export function logisticProblem(gpu: Gpu, rows: number, cols: number, fits: number): Problem {
  using onFailure = new DisposableStack();
  const { numbers, x, v, tiles } = createOperands(gpu, onFailure, rows, cols, fits);
  const create = (label: string) => onFailure.use(createMatrix(gpu, rows, fits, label));
  const block = {
    rows,
    firstRow: 0,
    z: create("margins"),
    previous: create("previous margins"),
    next: create("next margins"),
    residuals: create("residuals"),
  };
  const g = onFailure.use(createMatrix(gpu, fits, cols, "gradient"));
  const classes = randomLabels(rows);
  const labels = onFailure.use(uploadStorage(gpu, classes, "labels"));
  const state = createState(gpu, tiles.count * tileWidth, onFailure);
  const owned = onFailure.move();
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

/** Fits without intercept and momentum, all of which tell class 1 from class 0. */
function createState(gpu: Gpu, fits: number, owned: DisposableStack): FitState {
  const ones = ["BALANCE_POSITIVE", "BALANCE_NEGATIVE"];
  const numbers = Float32Array.from(
    stateFields.flatMap((name) => Array(fits).fill(ones.includes(name) ? 1 : 0)),
  );
  return {
    state: owned.use(uploadStorage(gpu, numbers, "state")),
    partials: owned.use(createStorage(gpu, 16, "partials")),
    targets: owned.use(uploadStorage(gpu, new Uint32Array(fits).fill(1), "targets")),
    fitTexels: fits / 4,
  };
}

function randomLabels(rows: number): Uint32Array<ArrayBuffer> {
  const random = seededRandom(3);
  return Uint32Array.from({ length: rows }, () => Number(random() < 0.5));
}
