import {
  type Certificate,
  type Coefficients,
  type Fit,
  predictClasses,
  type Problem,
  rescale,
  unscale,
} from "./fit.ts";
import { add, dot, QuasiNewton } from "./quasi_newton.ts";
import {
  balancedResiduals,
  certify,
  penaltyWeight,
  pullsOf,
  softplus,
} from "./wide_certificate.ts";
import { shareOfRight } from "./run.ts";
import { solverDefaults } from "./solver_options.ts";
import type { Wide } from "./wide_design.ts";
import { WideRows } from "./wide_rows.ts";

/** A fit and the gradient where it ended. */
export type RidgeFit = Fit & { readonly gradient: Float32Array };

/** One regression, in coordinates whose penalty is half the sum of their squares. */
interface Descent {
  weights: Float64Array;
  intercept: number;
  readonly memory: QuasiNewton;
}

/**
 * Fits a problem whose penalty has no absolute weights: every column is used, so there is no working
 * set; a quasi-Newton method takes two products with all rows and columns a step.
 */
export async function fitRidge(
  wide: Wide,
  problem: Problem,
  before: Coefficients | undefined,
): Promise<RidgeFit> {
  const { tolerance, maxIterations } = { ...solverDefaults, ...wide.options };
  const { rows, targets, scaling } = wide;
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
  let exact = true;
  for (let nIter = 0;;) {
    const logits = margins.map((z, i) => z + descents[i % targets.length]!.intercept);
    const residuals = balancedResiduals(wide, logits);
    const gradient = await rows.gradient(Float32Array.from(residuals), targets.length);
    const pulls = pullsOf(wide, problem, allowed, gradient);
    const reached = {
      coef: Float32Array.from(weights().flatMap((each) => [...each])),
      penalty: weights().map((each) => dot(each, each) / 2),
      ...{ logits, residuals, pulls, dual, nIter },
    };
    const certificates = certify(wide, problem, reached)
      .map((each) => ({ ...each, converged: each.gap <= tolerance }));
    const done = certificates.every(({ converged }) => converged) || nIter >= maxIterations;
    if (done && exact) {
      const fit = finish(wide, problem, factors, descents, certificates);
      return { ...fit, ...await scored(wide, fit, nIter), gradient };
    }
    // Sums of steps drift from the products that they stand for.
    exact = done;
    if (done) {
      margins = await product(weights());
      continue;
    }
    nIter++;
    const directions = descents.map((descent, k) => {
      const slope = descent.weights.map((value, i) =>
        value + problem.C * factors[i]! * gradient[k * rows.features.cols + allowed[i]!]!
      );
      return descent.memory.direction(descent.weights, slope);
    });
    const changes = await product(directions);
    descents.forEach((descent, k) =>
      advance(wide, problem.C, k, descent, directions[k]!, margins, changes)
    );
  }
}

function beginDescents(
  { starts, scaling, labels }: Wide,
  problem: Problem,
  factors: Float64Array,
  before: Coefficients | undefined,
): Descent[] {
  const allowed = problem.columns ?? scaling.columns;
  const curvature = problem.C * labels.length / 4;
  return starts.map(({ intercept }, k) => {
    const start = before && rescale(before, k, allowed, scaling);
    const memory = new QuasiNewton(factors.map((factor) => 1 / (1 + curvature * factor * factor)));
    if (!start) return { weights: new Float64Array(allowed.length), intercept, memory };
    const weights = factors.map((factor, i) => factor > 0 ? start.coef[allowed[i]!]! / factor : 0);
    return { weights, intercept: start.intercept, memory };
  });
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

/** Goes to the least objective along a direction and over all intercepts, by Newton's method. */
function advance(
  { labels, targets }: Wide,
  C: number,
  k: number,
  descent: Descent,
  direction: Float64Array,
  margins: Float64Array,
  changes: Float64Array,
): void {
  const { weights, intercept } = descent;
  const [along, length] = [dot(weights, direction), dot(direction, direction)];
  const target = targets[k]!;
  const at = (step: number, shift: number) => {
    const sums = { loss: 0, step: 0, shift: 0, stepStep: 0, stepShift: 0, shiftShift: 0 };
    labels.forEach((label, row) => {
      const i = row * targets.length + k;
      const z = margins[i]! + step * changes[i]! + intercept + shift;
      const p = 1 / (1 + Math.exp(-z));
      const error = p - Number(label === target);
      const curvature = p * (1 - p);
      sums.loss += softplus(label === target ? -z : z);
      sums.step += error * changes[i]!;
      sums.shift += error;
      sums.stepStep += curvature * changes[i]! ** 2;
      sums.stepShift += curvature * changes[i]!;
      sums.shiftShift += curvature;
    });
    return {
      value: C * sums.loss + step * along + step * step * length / 2,
      slope: [C * sums.step + along + step * length, C * sums.shift] as const,
      hessian: [C * sums.stepStep + length, C * sums.stepShift, C * sums.shiftShift] as const,
    };
  };
  let [step, shift] = [0, 0];
  let here = at(0, 0);
  for (let round = 0; round < 20; round++) {
    const { slope: [s, t], hessian: [a, b, c] } = here;
    const determinant = a * c - b * b;
    if (!(determinant > 0)) break;
    let [dStep, dShift] = [-(c * s - b * t) / determinant, -(a * t - b * s) / determinant];
    let next = at(step + dStep, shift + dShift);
    for (let half = 0; next.value > here.value && half < 30; half++) {
      [dStep, dShift] = [dStep / 2, dShift / 2];
      next = at(step + dStep, shift + dShift);
    }
    if (!(next.value < here.value)) break;
    const gained = here.value - next.value;
    [step, shift, here] = [step + dStep, shift + dShift, next];
    if (gained < 1e-12 * here.value) break;
  }
  descent.intercept += shift;
  const moved = weights.slice();
  add(moved, direction, step);
  descent.weights = moved;
  for (let i = k; i < margins.length; i += targets.length) margins[i]! += step * changes[i]!;
}

/** The score of a fit on the validation rows; there is no other iterate to choose. */
async function scored(
  { rows, options: { validation }, scaling }: Wide,
  fit: Fit,
  nIter: number,
): Promise<Pick<Fit, "validation">> {
  if (!validation) return {};
  const { features, labels, score = shareOfRight(labels) } = validation;
  using held = new WideRows(rows.gpu, features);
  const allowed = fit.problem.columns ?? scaling.columns;
  const scaled = Array.from(fit.intercept, (_, k) => rescale(fit, k, allowed, held.scaling));
  const weights = new Float32Array(scaled.length * features.cols);
  scaled.forEach(({ coef }, k) => weights.set(coef, k * features.cols));
  const margins = await held.margins(weights, scaled.length);
  const logits = Float32Array.from(margins, (z, i) => z + scaled[i % scaled.length]!.intercept);
  const { coef, intercept } = fit;
  const only = {
    coef,
    intercept: Float32Array.from(intercept),
    nIter,
    score: score(predictClasses(logits, scaled.length)),
  };
  return { validation: { best: only, last: only } };
}

function finish(
  { scaling, rows }: Wide,
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
  return { problem, coef, intercept, certificates };
}
