import assert from "node:assert/strict";
import { type Lasso, minimiseLasso } from "../../src/probe/lasso.ts";
import { randomNumbers } from "../numbers.ts";

/** Least squares on random columns, each of which stands there `copies` times. */
function randomLasso(rows: number, cols: number, copies: number, weight: number): Lasso {
  const size = cols * copies;
  const x = randomNumbers(rows * cols, 3);
  const y = randomNumbers(rows, 4);
  const hessian = new Float64Array(size * size);
  const linear = new Float64Array(size);
  for (let a = 0; a < size; a++) {
    for (let row = 0; row < rows; row++) {
      const value = x[row * cols + a % cols]!;
      linear[a]! -= value * y[row]!;
      for (let b = 0; b < size; b++) hessian[a * size + b]! += value * x[row * cols + b % cols]!;
    }
  }
  return { hessian, linear, weight: new Float64Array(size).fill(weight) };
}

/** Fails where some coordinate could lower the function. */
function assertOptimal({ hessian, linear, weight }: Lasso, u: Float64Array): void {
  u.forEach((value, j) => {
    const slope = u.reduce(
      (sum, other, i) => sum + hessian[j * u.length + i]! * other,
      linear[j]!,
    );
    const off = value === 0
      ? Math.abs(slope) - weight[j]!
      : Math.abs(slope + Math.sign(value) * weight[j]!);
    assert.ok(off <= 1e-7, `coordinate ${j} at ${value} is ${off} off`);
  });
}

for (const [rows, cols, copies] of [[37, 13, 1], [130, 37, 1], [13, 37, 1], [37, 7, 3]] as const) {
  Deno.test(`minimiseLasso() finds the minimum for ${rows} rows and ${copies} x ${cols} columns`, () => {
    for (const weight of [0.01, 0.5, 3, 1000]) {
      const lasso = randomLasso(rows, cols, copies, weight);
      for (const start of [new Float64Array(cols * copies), lasso.linear.map((value) => -value)]) {
        assertOptimal(lasso, minimiseLasso(lasso, start));
      }
    }
  });
}
