import { minimiseLasso } from "./lasso.ts";
import { residualOf, softplus } from "./objective.ts";
import { dot } from "./vectors.ts";

/** A regression on some columns, centred and scaled, about a point of it. */
interface NewtonProblem {
  /** A list of its rows for each column. */
  readonly columns: readonly Float64Array[];
  /** The weight of the absolute coefficients, and of half their squares. */
  readonly l1: Float64Array;
  readonly l2: Float64Array;
  readonly C: number;
  readonly isPositive: readonly boolean[];
  readonly coef: Float64Array;
  /** With the intercept. */
  readonly margins: Float64Array;
}

/** Where a step leads. */
interface NewtonStep {
  readonly coef: Float64Array;
  /** What the intercept changes by. */
  readonly shift: number;
  /** Residuals that the whole step would have if the loss were its quadratic model. */
  readonly residuals: Float64Array;
}

/** The least curvature of a row: rows that are told apart with certainty have none. */
const leastCurvature = 1e-13;
/** Halvings after which a step is given up. */
const maxHalvings = 30;

/** Minimises the quadratic model about a point, and goes that way as far as the objective falls. */
export function newtonStep(problem: NewtonProblem): NewtonStep {
  const { C, coef, columns, margins, isPositive, l1, l2 } = problem;
  const error = margins.map((z, i) => residualOf(z, isPositive[i]!));
  const curvature = error.map((each) =>
    Math.max(leastCurvature, Math.abs(each) * (1 - Math.abs(each)))
  );
  const { hessian, pulls, total } = weightedProducts(columns, curvature);
  const sum = error.reduce((a, b) => a + b, 0);
  const size = coef.length;
  const slope = columns.map((column, j) => C * (dot(error, column) - pulls[j]! * sum / total));
  for (let i = 0; i < hessian.length; i++) hessian[i]! *= C;
  for (let j = 0; j < size; j++) hessian[j * size + j]! += l2[j]!;
  const linear = Float64Array.from(slope, (each, j) => {
    let product = each + l2[j]! * coef[j]!;
    for (let i = 0; i < size; i++) product -= hessian[j * size + i]! * coef[i]!;
    return product;
  });
  const direction = minimiseLasso({ hessian, linear, weight: l1 }, coef)
    .map((value, j) => value - coef[j]!);
  const shift = -(sum + direction.reduce((all, by, j) => all + by * pulls[j]!, 0)) / total;
  const change = changeOf(columns, direction, shift, margins.length);
  const share = descend(problem, direction, change);
  return {
    coef: coef.map((value, j) => value + share * direction[j]!),
    shift: share * shift,
    residuals: error.map((each, i) => {
      const reached = each + curvature[i]! * change[i]!;
      return isPositive[i] ? Math.min(0, Math.max(-1, reached)) : Math.max(0, Math.min(1, reached));
    }),
  };
}

/**
 * `X^T h X` about the means that the weights h give, which stand for the intercept; and `X^T h`.
 */
function weightedProducts(columns: readonly Float64Array[], h: Float64Array) {
  const size = columns.length;
  const total = h.reduce((a, b) => a + b, 0);
  const pulls = Float64Array.from(columns, (column) => dot(h, column));
  const hessian = new Float64Array(size * size);
  const weighted = new Float64Array(h.length);
  columns.forEach((column, a) => {
    const mean = pulls[a]! / total;
    for (let i = 0; i < h.length; i++) weighted[i] = h[i]! * (column[i]! - mean);
    // Four at a time load the weighted column once; the last ones may be the same.
    for (let b = 0; b <= a; b += 4) {
      const places = [b, b + 1, b + 2, b + 3].map((place) => Math.min(a, place));
      const [p, q, r, s] = places.map((place) => columns[place]!);
      const sums = dotFour(weighted, p!, q!, r!, s!);
      places.forEach((place, i) =>
        hessian[a * size + place] = hessian[place * size + a] = sums[i]!
      );
    }
  });
  return { hessian, pulls, total };
}

function dotFour(
  w: Float64Array,
  p: Float64Array,
  q: Float64Array,
  r: Float64Array,
  s: Float64Array,
): [number, number, number, number] {
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = 0; i < w.length; i++) {
    const each = w[i]!;
    a += each * p[i]!;
    b += each * q[i]!;
    c += each * r[i]!;
    d += each * s[i]!;
  }
  return [a, b, c, d];
}

function changeOf(
  columns: readonly Float64Array[],
  direction: Float64Array,
  shift: number,
  rows: number,
): Float64Array {
  const change = new Float64Array(rows).fill(shift);
  columns.forEach((column, j) => {
    const by = direction[j]!;
    if (by !== 0) { for (let i = 0; i < rows; i++) change[i]! += by * column[i]!; }
  });
  return change;
}

/** The share of a step that the objective falls by; 0 where it does not. */
function descend(
  { C, coef, margins, isPositive, l1, l2 }: NewtonProblem,
  direction: Float64Array,
  change: Float64Array,
): number {
  // Differences from where it stands keep the digits that sums would lose.
  const gain = (share: number) => {
    let sum = 0;
    for (let i = 0; i < margins.length; i++) {
      const z = isPositive[i] ? -margins[i]! : margins[i]!;
      const by = share * (isPositive[i] ? -change[i]! : change[i]!);
      sum += C * (softplus(z) - softplus(z + by));
    }
    for (let j = 0; j < coef.length; j++) {
      const [at, next] = [coef[j]!, coef[j]! + share * direction[j]!];
      sum += l1[j]! * (Math.abs(at) - Math.abs(next)) + l2[j]! / 2 * (at * at - next * next);
    }
    return sum;
  };
  let share = 1;
  for (let halving = 0; halving < maxHalvings; halving++, share /= 2) {
    if (gain(share) > 0) return share;
  }
  return 0;
}
