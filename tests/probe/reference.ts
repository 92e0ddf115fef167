import type { ProblemRequest } from "../../src/probe/fit.ts";

/** Rows with 0 or 1 each, for one regression. */
export interface BinaryRows {
  readonly x: Float32Array;
  readonly y: ArrayLike<number>;
}

/** An optimum with the bound that proves it. */
export interface Optimum {
  readonly objective: number;
  readonly dual: number;
  readonly coef: Float64Array;
  readonly intercept: number;
}

/** Columns `[cols][rows]` centred and scaled in float64, and the weight of each in the penalty. */
interface Columns {
  readonly x: Float64Array[];
  readonly mean: Float64Array;
  readonly deviation: Float64Array;
  readonly weight: Float64Array;
}

/**
 * Solves one regression on all columns in float64 by proximal Newton steps, each by coordinate
 * descent, until the relative duality gap is 1e-7.
 */
export function referenceFit(rows: BinaryRows, problem: ProblemRequest): Optimum {
  const columns = standardize(rows, problem);
  const count = rows.y.length;
  const v = new Float64Array(columns.x.length);
  const members = Array.from(rows.y).reduce((sum, label) => sum + label, 0);
  let intercept = Math.log(members / (count - members));
  let z = new Float64Array(count).fill(intercept);
  let dual = -Infinity;
  for (let step = 0; step < 300; step++) {
    const value = objectiveAt(rows, problem, columns, v, z);
    dual = Math.max(dual, dualAt(rows, problem, columns, z));
    if (value - dual <= 1e-7 * value) {
      return { objective: value, dual, ...unscaled(columns, v, intercept) };
    }
    const { d, shift, change } = newtonStep(rows, problem, columns, v, z);
    let length = 1;
    for (; length > 1e-9; length /= 2) {
      const next = v.map((each, j) => each + length * d[j]!);
      const nextZ = z.map((each, i) => each + length * change[i]!);
      if (objectiveAt(rows, problem, columns, next, nextZ) > value * (1 + 1e-14)) continue;
      v.set(next);
      z = nextZ;
      intercept += length * shift;
      break;
    }
  }
  const value = objectiveAt(rows, problem, columns, v, z);
  throw new Error(`The reference stops at a gap of ${1 - dual / value} for C ${problem.C}`);
}

/** The objective of coefficients on the features as they are, in float64. */
export function exactObjective(
  rows: BinaryRows,
  problem: ProblemRequest,
  coef: ArrayLike<number>,
  intercept: number,
): number {
  const columns = standardize(rows, problem);
  const cols = coef.length;
  const z = Float64Array.from(rows.y, (_, row) => {
    let sum = intercept;
    for (let j = 0; j < cols; j++) sum += coef[j]! * rows.x[row * cols + j]!;
    return sum;
  });
  const v = columns.deviation.map((deviation, j) => coef[j]! * deviation);
  return objectiveAt(rows, problem, columns, v, z);
}

function standardize({ x, y }: BinaryRows, { scale = "raw" }: ProblemRequest): Columns {
  const rows = y.length;
  const cols = x.length / rows;
  const mean = new Float64Array(cols);
  const deviation = new Float64Array(cols);
  const scaled = Array.from({ length: cols }, (_, j) => {
    const column = Float64Array.from(y, (_, row) => x[row * cols + j]!);
    mean[j] = column.reduce((a, b) => a + b, 0) / rows;
    const isConstant = column.every((value) => value === column[0]);
    const square = column.reduce((sum, value) => sum + (value - mean[j]!) ** 2, 0) / rows;
    deviation[j] = isConstant ? 0 : Math.sqrt(square);
    return column.map((value) => isConstant ? 0 : (value - mean[j]!) / deviation[j]!);
  });
  const weight = deviation.map((sd) => sd === 0 ? Infinity : scale === "raw" ? 1 / sd : 1);
  return { x: scaled, mean, deviation, weight };
}

function objectiveAt(
  { y }: BinaryRows,
  { C, l1Ratio = 1 }: ProblemRequest,
  { weight }: Columns,
  v: Float64Array,
  z: Float64Array,
): number {
  let sum = 0;
  z.forEach((each, i) => {
    sum += C * (Math.max(y[i] ? -each : each, 0) + Math.log1p(Math.exp(-Math.abs(each))));
  });
  v.forEach((each, j) => {
    if (each === 0) return;
    const size = Math.abs(each) * weight[j]!;
    sum += l1Ratio * size + (1 - l1Ratio) / 2 * size * size;
  });
  return sum;
}

/** The dual objective at the residuals, balanced and made feasible. */
function dualAt(
  { y }: BinaryRows,
  { C, l1Ratio = 1 }: ProblemRequest,
  { x, weight }: Columns,
  z: Float64Array,
): number {
  const r = z.map((each, i) => 1 / (1 + Math.exp(y[i] ? each : -each)));
  const sums = [0, 0];
  r.forEach((size, i) => sums[y[i]!]! += size);
  const least = Math.min(...sums);
  r.forEach((size, i) => r[i] = size * least / sums[y[i]!]!);
  const pulls = x.map((column, j) => {
    let sum = 0;
    for (let i = 0; i < r.length; i++) sum += (y[i] ? -r[i]! : r[i]!) * column[i]!;
    return C * Math.abs(sum) / weight[j]!;
  });
  const shrink = l1Ratio < 1 ? 1 : 1 / Math.max(1, ...pulls);
  let dual = 0;
  r.forEach((size) => {
    const a = shrink * size;
    if (a > 0) dual -= C * a * Math.log(a);
    if (a < 1) dual -= C * (1 - a) * Math.log1p(-a);
  });
  if (l1Ratio === 1) return dual;
  return pulls.reduce(
    (sum, pull) => sum - Math.max(0, pull - l1Ratio) ** 2 / (2 * (1 - l1Ratio)),
    dual,
  );
}

/** Minimises the quadratic model about a point by coordinate descent. */
function newtonStep(
  { y }: BinaryRows,
  { C, l1Ratio = 1 }: ProblemRequest,
  { x, weight }: Columns,
  v: Float64Array,
  z: Float64Array,
) {
  const p = z.map((each) => 1 / (1 + Math.exp(-each)));
  const h = p.map((each) => Math.max(C * each * (1 - each), 1e-12 * C));
  // The slope of the loss at each row, and how the model changes it on the way.
  const slope = p.map((each, i) => C * (each - y[i]!));
  const change = new Float64Array(z.length);
  const d = new Float64Array(v.length);
  const curvature = x.map((column) =>
    column.reduce((sum, each, i) => sum + h[i]! * each * each, 0)
  );
  const total = h.reduce((a, b) => a + b, 0);
  let shift = 0;
  const enough = 1e-20 * C * z.length;
  const every = [...d.keys()].filter((j) => weight[j]! < Infinity);
  /** Moves along some columns and the intercept; returns the largest gain. */
  const pass = (columns: readonly number[]): number => {
    const b = -slope.reduce((sum, each, i) => sum + each + h[i]! * change[i]!, 0) / total;
    shift += b;
    for (let i = 0; i < change.length; i++) change[i]! += b;
    let moved = total * b * b;
    for (const j of columns) {
      const column = x[j]!;
      const w = weight[j]!;
      let g = 0;
      for (let i = 0; i < change.length; i++) g += column[i]! * (slope[i]! + h[i]! * change[i]!);
      const square = (1 - l1Ratio) * w * w;
      const a = curvature[j]! + square;
      const at = v[j]! + d[j]!;
      const free = at - (g + square * at) / a;
      const by = Math.sign(free) * Math.max(0, Math.abs(free) - l1Ratio * w / a) - at;
      if (by === 0) continue;
      d[j]! += by;
      for (let i = 0; i < change.length; i++) change[i]! += by * column[i]!;
      moved = Math.max(moved, a * by * by);
    }
    return moved;
  };
  for (let round = 0; round < 50 && pass(every) > enough; round++) {
    const used = every.filter((j) => v[j]! + d[j]! !== 0);
    for (let inner = 0; inner < 50 && pass(used) > enough; inner++);
  }
  return { d, shift, change };
}

function unscaled({ mean, deviation }: Columns, v: Float64Array, intercept: number) {
  const coef = v.map((each, j) => each === 0 ? 0 : each / deviation[j]!);
  return { coef, intercept: coef.reduce((sum, each, j) => sum - each * mean[j]!, intercept) };
}
