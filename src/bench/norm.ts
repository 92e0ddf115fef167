import type { Gpu } from "../gpu/device.ts";
import { createMatrix, uploadMatrix } from "../gpu/matrix.ts";
import { randomNumbers } from "../measure/numbers.ts";
import type { Problem } from "../measure/problem.ts";
import { referenceLayerNorm } from "../measure/reference.ts";
import { norm } from "../ops/norm.ts";

const epsilon = 1e-12;

/** Layer norm of `rows` rows: each number is read at least once and written once. */
export function normProblem(gpu: Gpu, rows: number, width: number): Problem {
  const numbers = {
    x: randomNumbers(rows * width, 1),
    gain: randomNumbers(width, 2),
    bias: randomNumbers(width, 3),
  };
  using onFailure = new DisposableStack();
  const x = onFailure.use(uploadMatrix(gpu, numbers.x, rows, width, "x"));
  const gain = onFailure.use(uploadMatrix(gpu, numbers.gain, 1, width, "gain"));
  const bias = onFailure.use(uploadMatrix(gpu, numbers.bias, 1, width, "bias"));
  const y = onFailure.use(createMatrix(gpu, rows, width, "y"));
  const owned = onFailure.move();
  return {
    kernel: "norm",
    shape: [rows, width],
    work: { bytes: 2 * rows * width * 4 },
    bound: 1e-5,
    variants: [{
      name: "layer norm",
      record: (recorder) => norm(recorder, "layer", x, { gain, bias }, y, rows, epsilon),
      output: y,
    }],
    expected: () => referenceLayerNorm(numbers.x, numbers.gain, numbers.bias, epsilon),
    [Symbol.dispose]: () => owned.dispose(),
  };
}
