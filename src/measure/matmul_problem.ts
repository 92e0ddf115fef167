import { randomNumbers } from "./numbers.ts";
import type { Problem, Variant } from "./problem.ts";
import { referenceMatmul } from "./reference.ts";

/** Rows, outputs and inputs of a product `y = x w^T`. */
export type MatmulShape = readonly [rows: number, outputs: number, inputs: number];

/** What is multiplied: `x [rows, inputs]` and `w [outputs, inputs]`, all of it exact in float16. */
export function matmulNumbers([rows, outputs, inputs]: MatmulShape) {
  return {
    x: randomNumbers(rows * inputs, 1),
    w: new Float32Array(new Float16Array(randomNumbers(outputs * inputs, 2))),
  };
}

/** The problem of a matrix product that owns what its variants use. */
export function productProblem(
  shape: MatmulShape,
  numbers: ReturnType<typeof matmulNumbers>,
  variants: readonly Variant[],
  owned: DisposableStack,
): Problem {
  const [rows, outputs, inputs] = shape;
  return {
    kernel: "matmul",
    shape,
    work: { flops: 2 * rows * outputs * inputs },
    bound: 1e-5,
    variants,
    expected: () => referenceMatmul(numbers.x, numbers.w, rows, outputs, inputs),
    [Symbol.dispose]: () => owned.dispose(),
  };
}
