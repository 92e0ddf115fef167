import type { Gpu } from "../gpu/device.ts";
import { fitOnAllColumns } from "./all_columns.ts";
import { balancedResiduals, certify, pullsOf } from "./certificate.ts";
import {
  type Coefficients,
  type Fit,
  type LabelledFeatures,
  type Problem,
  type ScoredCoefficients,
  stopReason,
} from "./fit.ts";
import type { ClassStart } from "./run.ts";
import { limitsOf, type SolverOptions } from "./solver_options.ts";
import { type NarrowSolver, solveOnColumns, type Wide } from "./wide_design.ts";
import { WideRows } from "./wide_rows.ts";
import { chooseColumns, joins, strongestPulls, widestDesign } from "./working_set.ts";

/**
 * A working set is solved to this share of the tolerance, and thrice as tightly each time that no
 * column joins. After so many of these that leave more than such a share of the gap, the problem is
 * given up.
 */
const narrowShare = 0.1;
const vain = { rounds: 3, share: 0.9 };
/** With less than this share of L1 most columns are used. */
const sparseRatio = 0.1;
/** An elastic net that uses a larger share of the columns is solved sooner on all of them. */
const sparseShare = 1 / 8;

/** Where a path has come to: coefficients on all allowed columns, and the gradient there. */
interface Point extends Coefficients {
  readonly gradient: Float32Array;
}

/**
 * Fits problems on more columns than one Gram matrix can hold, by working sets: a problem is solved
 * on some columns, then the gradient of all columns tells which others would help; they join, until
 * the duality gap over all columns is small. One that uses too many is solved on all at once. Each
 * C begins where the one before ended.
 */
export async function fitWide(
  gpu: Gpu,
  { features, labels }: LabelledFeatures,
  starts: readonly ClassStart[],
  problems: readonly Problem[],
  options: SolverOptions,
  narrow: NarrowSolver,
): Promise<Fit[]> {
  using rows = new WideRows(gpu, features, options.residentBytes);
  const targets = starts.map(({ target }) => target);
  const wide = { rows, scaling: rows.scaling, labels, targets, starts, options, narrow };
  const fits = new Array<Fit>(problems.length);
  const pathOf = ({ columns, scale, l1Ratio }: Problem) =>
    [scale, l1Ratio, columns?.join()].join(";");
  for (const path of Map.groupBy(problems.keys(), (i) => pathOf(problems[i]!)).values()) {
    let point: Point | undefined;
    for (const i of path.sort((a, b) => problems[a]!.C - problems[b]!.C)) {
      const problem = problems[i]!;
      if (problem.l1Ratio < sparseRatio) {
        point = fits[i] = await fitOnAllColumns(wide, problem, point);
      } else ({ fit: fits[i], point } = await solveByWorkingSets(wide, problem, point));
    }
  }
  return fits;
}

async function solveByWorkingSets(
  wide: Wide,
  problem: Problem,
  before: Point | undefined,
): Promise<{ fit: Fit; point: Point }> {
  const { targets, rows, scaling } = wide;
  const { tolerance, maxIterations } = limitsOf(wide.options);
  const { patience = Infinity } = wide.options;
  const { l1Ratio } = problem;
  const allowed = problem.columns ?? scaling.columns;
  const dual = targets.map(() => 0);
  let point = before ?? await nullPoint(wide, allowed);
  const atStart = pullsOf(wide, problem, allowed, point.gradient);
  let places = chooseColumns(point, strongestPulls(atStart), l1Ratio);
  let validation: Fit["validation"];
  let [tightened, inVain] = [0, 0];
  let gap = Infinity;
  let nIter = 0;
  for (;;) {
    wide.options.signal?.throwIfAborted();
    const solved = await solveOnColumns(wide, problem, allowed, places, point, {
      tolerance: narrowShare * tolerance / 3 ** tightened,
      maxIterations: maxIterations - nIter,
    });
    if (solved.validation) validation = latest(validation, solved.validation, nIter);
    nIter += solved.nIter;
    const residuals = balancedResiduals(wide, solved.logits);
    const gradient = await rows.gradient(Float32Array.from(residuals), targets.length);
    point = { coef: solved.coef, intercept: solved.intercept, gradient };
    const pulls = pullsOf(wide, problem, allowed, gradient);
    const certificates = certify(
      wide,
      problem,
      { ...solved, residuals, pulls, dual, nIter },
      tolerance,
    );
    const strongest = strongestPulls(pulls);
    const next = chooseColumns(point, strongest, l1Ratio);
    const stuck = !joins(next, places, strongest, l1Ratio);
    const previous = gap;
    gap = Math.max(...certificates.map((each) => each.gap));
    if (stuck) tightened++;
    if (stuck && gap > vain.share * previous) inVain++;
    const isPatient = !validation || nIter - validation.best.nIter < patience;
    const done = certificates.every(({ converged }) => converged) || nIter >= maxIterations ||
      inVain > vain.rounds || !isPatient;
    if (done) {
      const { coef, intercept } = point;
      const stop = stopReason(certificates, maxIterations, isPatient);
      const scores = validation && { validation };
      return { fit: { problem, coef, intercept, certificates, stop, ...scores }, point };
    }
    if (next.length >= mostColumns(problem, allowed.length)) {
      const fit = await fitOnAllColumns(wide, problem, point, nIter);
      const scores = fit.validation && { validation: latest(validation, fit.validation, 0) };
      return { fit: { ...fit, ...scores }, point: fit };
    }
    places = next;
  }
}

/** How many columns a working set may have. */
function mostColumns({ l1Ratio }: Problem, allowed: number): number {
  return l1Ratio === 1 ? widestDesign : Math.min(widestDesign, sparseShare * allowed);
}

/** The model without columns. */
async function nullPoint(wide: Wide, allowed: Uint32Array): Promise<Point> {
  const { labels, starts, rows } = wide;
  const intercept = Float64Array.from(starts, (start) => start.intercept);
  const logits = Float32Array.from(
    { length: labels.length * starts.length },
    (_, i) => intercept[i % starts.length]!,
  );
  const residuals = Float32Array.from(balancedResiduals(wide, logits));
  const gradient = await rows.gradient(residuals, starts.length);
  return { coef: new Float32Array(starts.length * allowed.length), intercept, gradient };
}

/** The best and the last iterate of all rounds so far. */
function latest(
  before: Fit["validation"],
  { best, last }: NonNullable<Fit["validation"]>,
  nIter: number,
): NonNullable<Fit["validation"]> {
  const later = (each: ScoredCoefficients) => ({ ...each, nIter: nIter + each.nIter });
  const better = before && before.best.score >= best.score ? before.best : later(best);
  return { best: better, last: later(last) };
}
