import { dot, softThreshold } from "./vectors.ts";

/** A quadratic `u^T H u / 2 + q^T u` with weights on the absolute values of u. */
export interface Lasso {
  /** H `[size, size]`, symmetric and positive semidefinite. */
  readonly hessian: Float64Array;
  readonly linear: Float64Array;
  /** The weight of each absolute value. */
  readonly weight: Float64Array;
}

/** At most how many rounds of coordinates and one exact solution are spent. */
const maxRounds = 60;
/** Passes over all coordinates in a round: they find which are used, and with what sign. */
const passesPerRound = 3;
/** How far a slope may be off, as a share of its weight. */
const enough = 1e-9;
/** Solutions take at most so many times the size cubed. */
const solveWork = 2e10;
/** A gain that is a smaller share of all gains so far is none. */
const rounding = 1e-13;
/** Added to the diagonal, as a share of it, for equal columns. */
const ridge = 1e-11;

/**
 * Minimises from a point near the minimum: coordinate descent finds the signs, and a Cholesky
 * solution the values, however alike the columns are.
 */
export function minimiseLasso(lasso: Lasso, start: Float64Array): Float64Array {
  const u = start.slice();
  const slope = slopes(lasso, u);
  const first = valueAt(lasso, u, slope);
  let before = first;
  let solves = Math.min(10 * start.length, Math.ceil(solveWork / start.length ** 3));
  for (let round = 0; round < maxRounds; round++) {
    for (let pass = 0; pass < passesPerRound; pass++) descendCoordinates(lasso, u, slope);
    for (let whole = false; !whole && solves-- > 0;) {
      whole = solveSupport(lasso, u, slope);
      slope.set(slopes(lasso, u));
    }
    const value = valueAt(lasso, u, slope);
    if (isOptimal(lasso, u, slope) || before - value <= rounding * (first - value)) break;
    before = value;
  }
  return u;
}

function valueAt({ linear, weight }: Lasso, u: Float64Array, slope: Float64Array): number {
  return u.reduce(
    (sum, value, j) => sum + value * (slope[j]! + linear[j]!) / 2 + weight[j]! * Math.abs(value),
    0,
  );
}

/** The slope of the quadratic. */
function slopes({ hessian, linear }: Lasso, u: Float64Array): Float64Array {
  const size = u.length;
  const slope = linear.slice();
  for (let j = 0; j < size; j++) {
    if (u[j] === 0) continue;
    for (let i = 0, at = j * size; i < size; i++) slope[i]! += hessian[at + i]! * u[j]!;
  }
  return slope;
}

function isOptimal({ weight }: Lasso, u: Float64Array, slope: Float64Array): boolean {
  return u.every((value, j) => {
    const w = weight[j]!;
    const off = value === 0 ? Math.abs(slope[j]!) - w : Math.abs(slope[j]! + Math.sign(value) * w);
    return off <= enough * w;
  });
}

/** Moves each coordinate to where it is best. */
function descendCoordinates({ hessian, weight }: Lasso, u: Float64Array, slope: Float64Array) {
  const size = u.length;
  for (let j = 0; j < size; j++) {
    const curvature = hessian[j * size + j]! * (1 + ridge);
    if (!(curvature > 0)) continue;
    const free = u[j]! - slope[j]! / curvature;
    const next = softThreshold(free, weight[j]! / curvature);
    const by = next - u[j]!;
    if (by === 0) continue;
    u[j] = next;
    for (let i = 0, at = j * size; i < size; i++) slope[i]! += by * hessian[at + i]!;
  }
}

/**
 * Goes towards the minimum over the coordinates in use, to the best point on the way.
 *
 * @returns Whether no sign has changed, so that this was the minimum.
 */
function solveSupport({ hessian, weight }: Lasso, u: Float64Array, slope: Float64Array): boolean {
  const size = u.length;
  const used = [...u.keys()].filter((j) => u[j] !== 0);
  const count = used.length;
  const factor = new Float64Array(count * count);
  used.forEach((j, a) => {
    for (let b = 0; b <= a; b++) factor[a * count + b] = hessian[j * size + used[b]!]!;
    factor[a * count + a]! *= 1 + ridge;
  });
  if (!factorCholesky(factor, count)) return true;
  const right = Float64Array.from(used, (j) => -slope[j]! - Math.sign(u[j]!) * weight[j]!);
  const direction = solveCholesky(factor, right.slice());
  const curvature = dot(direction, right);
  const share = bestShare(
    curvature,
    dot(direction, Float64Array.from(used, (j) => slope[j]!)),
    used.map((j, a) => ({ at: u[j]!, by: direction[a]!, weight: weight[j]! })),
  );
  let turned = false;
  used.forEach((j, a) => {
    const before = u[j]!;
    u[j] = share === -before / direction[a]! ? 0 : before + share * direction[a]!;
    turned ||= Math.sign(u[j]!) !== Math.sign(before);
  });
  return !turned;
}

/**
 * The share of a step at which `curvature share^2 / 2 + slope share` plus absolute values is least.
 */
function bestShare(
  curvature: number,
  slope: number,
  parts: readonly { at: number; by: number; weight: number }[],
): number {
  if (!(curvature > 0)) return 0;
  const crossings = parts.filter(({ at, by }) => at * by < 0)
    .map(({ at, by, weight }) => ({ share: -at / by, bend: 2 * Math.abs(by) * weight }))
    .filter(({ share }) => share < 1)
    .sort((a, b) => a.share - b.share);
  // The function is convex; its slope rises along the way, and jumps where a sign changes.
  let rise = slope +
    parts.reduce((sum, { at, by, weight }) => sum + Math.sign(at) * by * weight, 0);
  for (const { share, bend } of crossings) {
    if (rise + curvature * share >= 0) return Math.min(share, -rise / curvature);
    rise += bend;
    if (rise + curvature * share >= 0) return share;
  }
  return Math.min(1, Math.max(0, -rise / curvature));
}

/** Replaces the lower half of a matrix by its Cholesky factor; false where it has none. */
function factorCholesky(matrix: Float64Array, size: number): boolean {
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * size + j]!;
      for (let k = 0, a = i * size, b = j * size; k < j; k++) {
        sum -= matrix[a + k]! * matrix[b + k]!;
      }
      if (j < i) matrix[i * size + j] = sum / matrix[j * size + j]!;
      else if (sum > 0) matrix[i * size + i] = Math.sqrt(sum);
      else return false;
    }
  }
  return true;
}

/** Solves with a Cholesky factor, in place. */
function solveCholesky(factor: Float64Array, right: Float64Array): Float64Array {
  const size = right.length;
  for (let i = 0; i < size; i++) {
    let sum = right[i]!;
    for (let k = 0; k < i; k++) sum -= factor[i * size + k]! * right[k]!;
    right[i] = sum / factor[i * size + i]!;
  }
  for (let i = size - 1; i >= 0; i--) {
    const value = right[i]! /= factor[i * size + i]!;
    for (let k = 0; k < i; k++) right[k]! -= factor[i * size + k]! * value;
  }
  return right;
}
