import { balancedResiduals, certify, pullsOf } from "./certificate.ts";
import {
  accuracy,
  type Certificate,
  type Coefficients,
  type Fit,
  predictClasses,
  type Problem,
  rescale,
  stopReason,
  unscale,
} from "./fit.ts";
import { penaltyWeight } from "./objective.ts";
import { penalisedStep } from "./penalised_step.ts";
import { QuasiNewton } from "./quasi_newton.ts";
import { limitsOf } from "./solver_options.ts";
import { bestStep, type Line, type StepLength } from "./step_length.ts";
import { dot, sumOfSizes } from "./vectors.ts";
import type { Wide } from "./wide_design.ts";
import { WideRows } from "./wide_rows.ts";

/** The whole step is taken where the best part of it is at least so long, and gains little more. */
const nearlyWhole = { step: 0.6, gain: 0.5 };
/** Columns whose pull is such a share of the need are not used in the end. */
const weakPull = 0.95;

/** A fit and the gradient where it ended. */
type DescentFit = Fit & { readonly gradient: Float32Array };

/** One regression, in coordinates whose penalty weighs all columns alike. */
interface Descent {
  weights: Float64Array;
  intercept: number;
  readonly curvature: QuasiNewton;
}

/**
 * Fits a problem that uses more columns than a working set can hold, as one does whose penalty has
 * few absolute weights or none. A quasi-Newton method takes two products with all rows and columns
 * a step: its model of the loss is minimised together with the penalty itself.
 *
 * @param before Where to begin, instead of at zero.
 * @param firstStep How many steps led there.
 */
export async function fitOnAllColumns(
  wide: Wide,
  problem: Problem,
  before?: Coefficients,
  firstStep = 0,
): Promise<DescentFit> {
  const { tolerance, maxIterations } = limitsOf(wide.options);
  const { rows, targets, scaling } = wide;
  const { C, l1Ratio } = problem;
  const [l1, l2] = [l1Ratio, 1 - l1Ratio];
  const allowed = problem.columns ?? scaling.columns;
  const factors = Float64Array.from(
    allowed,
    (column) => 1 / penaltyWeight(problem, scaling.deviation[column]!),
  );
  const product = (vectors: readonly Float64Array[]) =>
    rows.margins(toScaled(vectors, factors, allowed, rows.features.cols), targets.length);
  const descents = beginDescents(wide, problem, factors, before);
  const weights = () => descents.map((descent) => descent.weights);
  const dual = targets.map(() => 0);
  let margins = await product(weights());
  let [exact, cleaned, stuck] = [true, false, false];
  for (let nIter = firstStep;;) {
    wide.options.signal?.throwIfAborted();
    const { gradient, pulls, ...reached } = await evaluate(wide, problem, descents, margins);
    const certificates = certify(
      wide,
      problem,
      { ...reached, pulls, dual, nIter },
      tolerance,
    );
    const converged = certificates.every((each) => each.converged);
    const done = converged || stuck || nIter >= maxIterations;
    if (done && exact) {
      const fit = finish(wide, problem, factors, descents, certificates);
      return { ...fit, ...await scored(wide, fit, nIter), gradient };
    }
    // Sums of steps drift from the products that they stand for.
    exact = done;
    if (done) {
      if (converged && !cleaned) {
        descents.forEach((descent, k) => dropWeak(descent, pulls[k]!, l1));
        cleaned = true;
      }
      margins = await product(weights());
      continue;
    }
    nIter++;
    const directions = descents.map(({ weights, curvature }, k) => {
      const slope = factors.map((factor, i) =>
        C * factor * gradient[k * rows.features.cols + allowed[i]!]!
      );
      curvature.learn(weights, slope);
      return penalisedStep(curvature.hessian(), slope, weights, { l1, l2 });
    });
    const changes = await product(directions);
    const steps = descents.map((descent, k) =>
      advance(wide, problem, k, descent, directions[k]!, margins, changes)
    );
    stuck = steps.every((step) => step === 0);
  }
}

function beginDescents(
  { starts, scaling, labels }: Wide,
  problem: Problem,
  factors: Float64Array,
  before: Coefficients | undefined,
): Descent[] {
  const allowed = problem.columns ?? scaling.columns;
  const most = problem.C * labels.length / 4;
  return starts.map(({ intercept }, k) => {
    const start = before && rescale(before, k, allowed, scaling);
    // A constant column has no curvature, nor any slope.
    const curvature = new QuasiNewton(factors.map((factor) => most * factor ** 2 || 1));
    if (!start) return { weights: new Float64Array(allowed.length), intercept, curvature };
    const weights = factors.map((factor, i) => factor > 0 ? start.coef[allowed[i]!]! / factor : 0);
    return { weights, intercept: start.intercept, curvature };
  });
}

/** Where descents stand, as {@linkcode certify} wants it, and the gradient there. */
async function evaluate(
  wide: Wide,
  problem: Problem,
  descents: readonly Descent[],
  margins: Float64Array,
) {
  const { rows, targets, scaling } = wide;
  const [l1, l2] = [problem.l1Ratio, 1 - problem.l1Ratio];
  const logits = margins.map((z, i) => z + descents[i % targets.length]!.intercept);
  const residuals = balancedResiduals(wide, logits);
  const gradient = await rows.gradient(Float32Array.from(residuals), targets.length);
  return {
    coef: Float32Array.from(descents.flatMap(({ weights }) => [...weights])),
    penalty: descents.map(({ weights }) =>
      l1 * sumOfSizes(weights) + l2 / 2 * dot(weights, weights)
    ),
    logits,
    residuals,
    gradient,
    pulls: pullsOf(wide, problem, problem.columns ?? scaling.columns, gradient),
  };
}

/** `[regressions, all columns]` in scaled coordinates. */
function toScaled(
  vectors: readonly Float64Array[],
  factors: Float64Array,
  allowed: Uint32Array,
  cols: number,
): Float32Array {
  const scaled = new Float32Array(vectors.length * cols);
  vectors.forEach((vector, k) =>
    vector.forEach((value, i) => scaled[k * cols + allowed[i]!] = value * factors[i]!)
  );
  return scaled;
}

/**
 * Goes along a direction to the least objective over all intercepts, or all the way where that is
 * nearly as good: only a whole step leaves weights at zero.
 *
 * @returns The share of the direction.
 */
function advance(
  { labels, targets }: Wide,
  { C, l1Ratio }: Problem,
  k: number,
  descent: Descent,
  direction: Float64Array,
  margins: Float64Array,
  changes: Float64Array,
): number {
  const { weights, intercept } = descent;
  const ofRegression = (values: Float64Array) =>
    Float64Array.from(labels, (_, row) => values[row * targets.length + k]!);
  const change = ofRegression(changes);
  const end = weights.map((value, i) => value + direction[i]!);
  const line = {
    C,
    isPositive: Array.from(labels, (label) => label === targets[k]),
    margins: ofRegression(margins).map((z) => z + intercept),
    changes: change,
    penalty: {
      // Absolute values are convex: on the way they are at most between those of the ends.
      slope: (1 - l1Ratio) * dot(weights, direction) +
        l1Ratio * (sumOfSizes(end) - sumOfSizes(weights)),
      curvature: (1 - l1Ratio) * dot(direction, direction),
    },
  };
  const { step, shift } = l1Ratio > 0 ? wholeOrBest(line) : bestStep(line, 0, Infinity);
  descent.intercept += shift;
  descent.weights = step === 1 ? end : weights.map((value, i) => value + step * direction[i]!);
  change.forEach((value, row) => margins[row * targets.length + k]! += step * value);
  return step;
}

function wholeOrBest(line: Line): StepLength {
  const [stay, best, whole] = [bestStep(line, 0, 0), bestStep(line, 0, 1), bestStep(line, 1, 1)];
  const isNear = best.step >= nearlyWhole.step &&
    stay.value - whole.value >= nearlyWhole.gain * (stay.value - best.value);
  return isNear ? whole : best;
}

/** Sets the weights to zero that are on their way there: their columns pull too weakly. */
function dropWeak(descent: Descent, pulls: Float64Array, l1: number): void {
  descent.weights = descent.weights.map((value, i) => pulls[i]! < weakPull * l1 ? 0 : value);
}

/** The score of a fit on the validation rows; there is no other iterate to choose. */
async function scored(
  { rows, options: { validation }, scaling }: Wide,
  fit: Fit,
  nIter: number,
): Promise<Pick<Fit, "validation">> {
  if (!validation) return {};
  const { features, labels, score = (predicted) => accuracy(predicted, labels) } = validation;
  using held = new WideRows(rows.gpu, features);
  const allowed = fit.problem.columns ?? scaling.columns;
  const scaled = Array.from(fit.intercept, (_, k) => rescale(fit, k, allowed, held.scaling));
  const weights = new Float32Array(scaled.length * features.cols);
  scaled.forEach(({ coef }, k) => weights.set(coef, k * features.cols));
  const margins = await held.margins(weights, scaled.length);
  const intercept = Float32Array.from(fit.intercept);
  const shifts = scaled.map((own, k) => own.intercept + (intercept[k]! - fit.intercept[k]!));
  const logits = Float32Array.from(margins, (z, i) => z + shifts[i % shifts.length]!);
  const only = {
    coef: fit.coef,
    intercept,
    nIter,
    score: score(predictClasses(logits, scaled.length)),
  };
  return { validation: { best: only, last: only } };
}

function finish(
  { scaling, rows, options }: Wide,
  problem: Problem,
  factors: Float64Array,
  descents: readonly Descent[],
  certificates: readonly Certificate[],
): Fit {
  const allowed = problem.columns ?? scaling.columns;
  const coef = new Float32Array(descents.length * allowed.length);
  const intercept = new Float64Array(descents.length);
  descents.forEach(({ weights, intercept: shift }, k) => {
    const scaled = toScaled([weights], factors, allowed, rows.features.cols);
    const own = unscale(scaled, shift, allowed, scaling);
    coef.set(own.coef, k * allowed.length);
    intercept[k] = own.intercept;
  });
  const stop = stopReason(certificates, limitsOf(options).maxIterations);
  return { problem, coef, intercept, certificates, stop };
}
