import type { Hessian } from "./quasi_newton.ts";
import { softThreshold } from "./vectors.ts";

/** `l1 |w| + l2 / 2 w^2`, summed over the weights. */
interface Penalty {
  readonly l1: number;
  readonly l2: number;
}

/** At most so many passes over all weights. */
const maxPasses = 50;
/** The least curvature of a weight, as a share of the diagonal: rounding may leave none. */
const leastCurvature = 1e-9;
/** Moves of a pass are small where they are such a share of those of the first. */
const smallMoves = 1e-2;

/**
 * The step from a point to the least of a quadratic model and a penalty, nearly: by coordinate
 * descent, whose passes cost a few multiplications a weight (Scheinberg and Tang, 2016, "Practical
 * inexact proximal quasi-Newton method").
 */
export function penalisedStep(
  { diagonal, added, taken }: Hessian,
  gradient: Float64Array,
  point: Float64Array,
  { l1, l2 }: Penalty,
): Float64Array {
  const step = new Float64Array(point.length);
  const [width, firstTaken] = [added.length + taken.length, added.length];
  // Weight by weight, as they are walked.
  const sides = new Float64Array(point.length * width);
  [...added, ...taken].forEach((side, k) =>
    side.forEach((value, i) => sides[i * width + k] = value)
  );
  const curvature = diagonal.map((value, i) => {
    let sum = value;
    for (let k = 0; k < width; k++) sum += sides[i * width + k]! ** 2 * (k < firstTaken ? 1 : -1);
    return Math.max(sum, leastCurvature * value) + l2;
  });
  // The product of each side with the step; those that are taken away with the sign reversed.
  const products = new Float64Array(width);
  let firstMoves = 0;
  for (let pass = 0; pass < maxPasses; pass++) {
    let moves = 0;
    for (let i = 0; i < point.length; i++) {
      const from = i * width;
      const at = point[i]! + step[i]!;
      let slope = gradient[i]! + diagonal[i]! * step[i]! + l2 * at;
      for (let k = 0; k < width; k++) slope += sides[from + k]! * products[k]!;
      const size = curvature[i]!;
      const free = at - slope / size;
      const by = softThreshold(free, l1 / size) - at;
      if (by === 0) continue;
      step[i]! += by;
      for (let k = 0; k < firstTaken; k++) products[k]! += by * sides[from + k]!;
      for (let k = firstTaken; k < width; k++) products[k]! -= by * sides[from + k]!;
      moves += size * by * by;
    }
    if (pass === 0) firstMoves = moves;
    if (moves <= smallMoves ** 2 * firstMoves) break;
  }
  return step;
}
