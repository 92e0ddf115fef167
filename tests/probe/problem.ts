import { featuresOf } from "../../src/probe/standardize.ts";
import { randomNumbers } from "../numbers.ts";

/** Rows whose class depends on three of their columns, and on noise. */
export function problem(rows: number, cols: number, seed = 1) {
  const x = randomNumbers(rows * cols, seed);
  const noise = randomNumbers(rows, seed + 1);
  const labels = Int32Array.from(noise, (n, i) => {
    const at = i * cols;
    return x[at]! - 0.7 * x[at + 1]! + 0.4 * x[at + 2]! + 0.6 * n > 0 ? 1 : 0;
  });
  return { features: featuresOf(x, rows), labels, x };
}
