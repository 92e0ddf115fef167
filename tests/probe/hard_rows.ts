import { seededRandom } from "../../src/random.ts";
import type { BinaryRows } from "./reference.ts";

/** What makes a problem hard. */
export interface Hardness {
  readonly rows: number;
  readonly cols: number;
  /** Columns have scales from 10^-spread to 10^spread. */
  readonly spread?: number;
  /** The power of a normal number: above 1 its tails are heavy. */
  readonly power?: number;
  /** The mean of columns in standard deviations. */
  readonly mean?: number;
  /** The share of columns that are copies of others, and of those that nearly are. */
  readonly copies?: number;
  readonly nearCopies?: number;
  /** How much noise there is in the labels; without any a plane separates the classes. */
  readonly noise?: number;
  /** The share of rows in class 1. */
  readonly positive?: number;
}

/** Rows of two classes that are hard to tell apart, or hard on the arithmetic. */
export function hardRows(seed: number, hardness: Hardness): BinaryRows & { y: Int32Array } {
  const { rows, cols, spread = 0, power = 1, mean = 0, copies = 0, nearCopies = 0 } = hardness;
  const { noise = 0, positive = 0.5 } = hardness;
  const random = seededRandom(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const x = new Float32Array(rows * cols);
  const scores = new Float64Array(rows);
  for (let j = 0; j < cols; j++) {
    const [kind, size, other] = [
      random(),
      10 ** (spread * (2 * random() - 1)),
      Math.floor(j * random()),
    ];
    const weight = j % 3 === 0 ? normal() : 0;
    for (let row = 0; row < rows; row++) {
      const tail = normal();
      const own = Math.sign(tail) * Math.abs(tail) ** power;
      const earlier = x[row * cols + other]!;
      const near = earlier * (1 + 1e-3 * tail);
      x[row * cols + j] = j > 0 && kind < copies
        ? earlier
        : j > 0 && kind < copies + nearCopies
        ? near
        : size * (own + mean);
      scores[row]! += weight * own;
    }
  }
  const noisy = scores.map((score) => score + noise * Math.sqrt(cols) * normal());
  const limit = noisy.toSorted()[Math.floor((1 - positive) * rows)]!;
  return { x, y: Int32Array.from(noisy, (score) => Number(score >= limit)) };
}
