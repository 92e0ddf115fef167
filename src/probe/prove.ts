import type { Features } from "../features/store.ts";
import { range } from "../util.ts";
import { balance, balancedResiduals, pullsOf } from "./certificate.ts";
import {
  type Certificate,
  type Fit,
  type LabelledFeatures,
  type Problem,
  stopReason,
  unscale,
} from "./fit.ts";
import { hostColumns, hostGradient, hostMargins, type HostRows } from "./host_rows.ts";
import { newtonStep } from "./newton.ts";
import { dualObjective, losses, penaltyOf, penaltyWeight, residualOf } from "./objective.ts";
import { measureScaling } from "./standardize.ts";
import { countNonzeros } from "./vectors.ts";
import { chooseColumns } from "./working_set.ts";

/** So many rows times columns squared take the host a tenth of a second for a Newton step. */
const hostSized = 2e8;
/** The same sum over all steps that a regression is given on the host. */
const hostWork = 6e10;

/** A point of a regression, in the coordinates of the features. */
interface Point {
  readonly coef: Float32Array;
  readonly intercept: number;
}

/** A point with what is known of it, and the best bound so far. */
interface Evaluation extends Point {
  readonly margins: Float64Array;
  readonly objective: number;
  readonly pulls: Float64Array;
  readonly dual: number;
}

/** Whether Newton steps on the host are cheap even on all columns. */
export function fitsHost({ rows, cols }: Features): boolean {
  return rows * cols ** 2 <= hostSized;
}

/**
 * Certifies fits on all columns in float64, with their coefficients as they are rounded. Where that
 * does not reach the tolerance, Newton steps on the columns in use lead on, unless they are so many
 * that the host would take minutes.
 *
 * @param targets The positive class of each regression.
 */
export function proveFits(
  { features, labels }: LabelledFeatures,
  targets: readonly number[],
  fits: readonly Fit[],
  limits: { readonly tolerance: number; readonly maxIterations: number },
): Fit[] {
  const columns = Uint32Array.from(range(features.cols));
  const scaling = measureScaling(features, columns);
  const rowsOf = targets.map((target) => ({ features, labels, targets: [target], scaling }));
  return fits.map((fit) => {
    const proved = fit.certificates.map(({ nIter }, k) => {
      const own = (coef: Float32Array) =>
        coef.subarray(k * columns.length, (k + 1) * columns.length);
      const ahead = fit.ahead && own(fit.ahead.coef);
      const start = { coef: own(fit.coef), intercept: fit.intercept[k]! };
      return prove(rowsOf[k]!, fit.problem, start, ahead, { ...limits, nIter });
    });
    const certificates = proved.map(({ certificate }) => certificate);
    return {
      ...fit,
      coef: Float32Array.from(proved.flatMap(({ coef }) => [...coef])),
      intercept: Float64Array.from(proved, ({ intercept }) => intercept),
      certificates,
      stop: stopReason(certificates, limits.maxIterations),
    };
  });
}

function prove(
  rows: HostRows,
  problem: Problem,
  start: Point,
  ahead: Float32Array | undefined,
  limits: { tolerance: number; maxIterations: number; nIter: number },
): Point & { certificate: Certificate } {
  const { tolerance, maxIterations } = limits;
  let { nIter } = limits;
  let reached = evaluate(rows, problem, start);
  const isShort = () => 1 - reached.dual / reached.objective > tolerance;
  if (ahead && isShort()) {
    const { dual } = boundAt(rows, problem, aheadResiduals(rows, reached.margins, ahead));
    reached = { ...reached, dual: Math.max(dual, reached.dual) };
  }
  for (let work = hostWork; isShort() && nIter < maxIterations; nIter++) {
    const columns = chooseColumns(reached, reached.pulls, problem.l1Ratio);
    work -= columns.length ** 2 * (rows.labels.length + columns.length);
    if (work < 0) break;
    const { next, residuals } = stepOn(rows, problem, columns, reached);
    const there = evaluate(rows, problem, next);
    const dual = Math.max(
      ...[reached.dual, there.dual, boundAt(rows, problem, balance(rows, residuals)).dual],
    );
    const isBetter = there.objective < reached.objective;
    if (!isBetter && dual === reached.dual) break;
    reached = { ...(isBetter ? there : reached), dual };
  }
  const { coef, intercept, objective } = reached;
  const gap = Math.max(0, 1 - reached.dual / objective);
  const nonzeros = countNonzeros(coef);
  const certificate = { objective, gap, nonzeros, nIter, converged: gap <= tolerance };
  return { coef, intercept, certificate };
}

function evaluate(rows: HostRows, problem: Problem, { coef, intercept }: Point): Evaluation {
  const { scaling } = rows;
  const margins = hostMargins(rows, coef, intercept);
  const penalty = penaltyOf(problem, coef, scaling.columns, scaling);
  const objective = problem.C * losses(rows, margins)[0]! + penalty;
  const bound = boundAt(rows, problem, balancedResiduals(rows, margins));
  return { coef, intercept, margins, objective, ...bound };
}

/** What residuals that sum to zero bound the optimum by, and how each column pulls at them. */
function boundAt(rows: HostRows, problem: Problem, residuals: Float64Array) {
  const gradient = hostGradient(rows, residuals);
  const [pulls] = pullsOf(rows, problem, rows.scaling.columns, gradient);
  return { pulls: pulls!, dual: dualObjective(rows, problem, 0, residuals, pulls!) };
}

/** Residuals of a step's model, in which the loss has its greatest curvature at every row. */
function aheadResiduals(rows: HostRows, margins: Float64Array, ahead: Float32Array): Float64Array {
  const next = hostMargins(rows, ahead, 0);
  const isPositive = (row: number) => rows.labels[row] === rows.targets[0];
  const residuals = margins.map((z, row) => residualOf(z, isPositive(row)) + (next[row]! - z) / 4);
  // The step's own intercept is the one with which they sum to zero.
  const mean = residuals.reduce((sum, each) => sum + each, 0) / margins.length;
  const bounded = residuals.map((each, row) => {
    const [least, most] = isPositive(row) ? [-1, 0] : [0, 1];
    return Math.min(most, Math.max(least, each - mean));
  });
  return balance(rows, bounded);
}

/** A Newton step on some columns. */
function stepOn(
  rows: HostRows,
  problem: Problem,
  columns: Uint32Array,
  { coef, intercept, margins }: Evaluation,
): { next: Point; residuals: Float64Array } {
  const { scaling, scaling: { mean, deviation }, labels, targets } = rows;
  const { l1Ratio, C } = problem;
  const used = columns.filter((column) => deviation[column]! > 0);
  const weights = Float64Array.from(used, (j) => penaltyWeight(problem, deviation[j]!));
  const step = newtonStep({
    columns: hostColumns(rows, used),
    l1: weights.map((weight) => l1Ratio * weight),
    l2: weights.map((weight) => (1 - l1Ratio) * weight * weight),
    C,
    isPositive: Array.from(labels, (label) => label === targets[0]),
    coef: Float64Array.from(used, (j) => coef[j]! * deviation[j]!),
    margins,
  });
  const scaled = new Float64Array(coef.length);
  used.forEach((j, i) => scaled[j] = step.coef[i]!);
  const centred = coef.reduce((sum, weight, j) => sum + weight * mean[j]!, intercept);
  const next = unscale(scaled, centred + step.shift, scaling.columns, scaling);
  return { next, residuals: step.residuals };
}
