import type { Gpu } from "../gpu/device.ts";
import { createMatrix, readMatrix, uploadMatrix } from "../gpu/matrix.ts";
import { saveTuning } from "../gpu/tuning.ts";
import { linear } from "../ops/linear.ts";
import { linearTiles } from "../ops/linear_tiles.ts";
import type { BenchResult } from "./document.ts";
import { matmulNumbers, type MatmulShape } from "./matmul.ts";
import { type Bench, measureProblem } from "./measure.ts";
import type { Problem } from "./problem.ts";
import { referenceMatmul } from "./reference.ts";

/** A shape that every model has its like of, and that no tile divides unevenly. */
const tuningShape: MatmulShape = [512, 768, 768];

/** A tile must be this much faster than the default: noise is not to choose. */
const gain = 1.05;

/**
 * Times the tiles of the linear layer and remembers the fastest right one for this adapter; the
 * default where none is clearly faster.
 *
 * @returns What was measured, and where the choice is kept.
 */
export async function tuneLinear(
  gpu: Gpu,
  bench: Bench,
): Promise<{ results: BenchResult[]; choice: string; file: string }> {
  using problem = tileProblem(gpu, tuningShape);
  const results = await measureProblem(bench, problem);
  const right = results.filter(({ correct }) => correct).sort((a, b) => a.bestMs - b.bestMs);
  const standard = right.find(({ variant }) => variant === defaultName);
  const [best] = right;
  const isBetter = best && (!standard || best.bestMs * gain < standard.bestMs);
  const choice = isBetter ? best.variant : defaultName;
  const file = saveTuning(gpu, choice === defaultName ? {} : { linear: choice });
  return { results, choice, file };
}

const defaultName = "default";

/** A matrix product by each tile of the linear layer. */
export function tileProblem(gpu: Gpu, shape: MatmulShape): Problem {
  const [rows, outputs, inputs] = shape;
  const numbers = matmulNumbers(shape);
  using onFailure = new DisposableStack();
  const x = onFailure.use(uploadMatrix(gpu, numbers.x, rows, inputs, "x"));
  const w = onFailure.use(uploadMatrix(gpu, numbers.w, outputs, inputs, "w"));
  const y = onFailure.use(createMatrix(gpu, rows, outputs, "y"));
  const owned = onFailure.move();
  const read = () => readMatrix(y);
  const tiles = [...linearTiles(gpu, "many")].map(([name, tile]) => ({
    name,
    read,
    record: (recorder: Parameters<typeof linear>[0]) => linear(recorder, x, w, y, rows, { tile }),
  }));
  const standard: typeof tiles[number] = {
    name: defaultName,
    read,
    record: (recorder) => linear(recorder, x, w, y, rows, {}),
  };
  return {
    kernel: "matmul",
    shape,
    work: { flops: 2 * rows * outputs * inputs },
    bound: 1e-5,
    variants: [standard, ...tiles],
    expected: () => referenceMatmul(numbers.x, numbers.w, rows, outputs, inputs),
    [Symbol.dispose]: () => owned.dispose(),
  };
}
