import type { BatchFit } from "./batch_layout.ts";
import type { Design } from "./design.ts";
import {
  accuracy,
  type Certificate,
  type Fit,
  predictClasses,
  type Problem,
  rescale,
  type ScoredCoefficients,
  stopReason,
  unscale,
} from "./fit.ts";
import type { FitSnapshot } from "./reached.ts";
import { limitsOf, type SolverOptions, type Validation } from "./solver_options.ts";
import type { Scaling } from "./standardize.ts";
import { countNonzeros } from "./vectors.ts";

/** A problem on its way. */
export interface Run {
  readonly problem: Problem;
  readonly set: number;
  /** The places of its columns in the design. */
  readonly places: Uint32Array;
  readonly fits: Omit<BatchFit, "set" | "start">[];
  readonly state: { coef?: Float32Array; intercept: number; validation?: Float32Array }[];
  readonly certificates: Certificate[];
  /** Where one more step would lead each regression. */
  ahead: Run["state"] | undefined;
  best: ScoredCoefficients | undefined;
  last: ScoredCoefficients | undefined;
}

/** The positive class of a regression, and the intercept of a model without columns. */
export interface ClassStart {
  readonly target: number;
  readonly intercept: number;
}

/** Begins a problem where it says, or at zero coefficients. */
export function beginRun(
  problem: Problem,
  set: number,
  places: Uint32Array,
  starts: readonly ClassStart[],
  scaling: Scaling,
): Run {
  const { C, l1Ratio } = problem;
  return {
    problem,
    set,
    places,
    fits: starts.map(({ target }) => ({ l1: l1Ratio / C, l2: (1 - l1Ratio) / C, target })),
    state: starts.map(({ intercept }, k) =>
      problem.start ? rescale(problem.start, k, places, scaling) : { intercept }
    ),
    certificates: [],
    ahead: undefined,
    best: undefined,
    last: undefined,
  };
}

/** Whether all regressions are certified, or validation has stopped getting better. */
export function isDone(run: Run, nIter: number, patience?: number): boolean {
  return run.certificates.every(({ converged }) => converged) || !isPatient(run, nIter, patience);
}

function isPatient({ best }: Run, nIter: number, patience = Infinity): boolean {
  return best === undefined || nIter - best.nIter < patience;
}

/** The share of an objective that float32 sums may be off by. */
const objectiveNoise = 1e-6;

/**
 * Takes over what a snapshot says of a regression of a run: the point where it is the best so far,
 * the bound where it is.
 *
 * @returns Whether the point is as good as those before.
 */
export function takeSnapshot(
  run: Run,
  k: number,
  { coef, intercept, primal, dual, validation }: FitSnapshot,
  nIter: number,
  tolerance: number,
): boolean {
  const before = run.certificates[k];
  const objective = primal * run.problem.C;
  const better = before === undefined || objective <= before.objective * (1 + objectiveNoise);
  const bound = Math.max(
    dual * run.problem.C,
    before ? (1 - before.gap) * before.objective : -Infinity,
  );
  if (better) run.state[k] = { coef, intercept, validation };
  const reached = better ? objective : before.objective;
  const gap = Math.max(0, reached - bound) / reached;
  run.certificates[k] = {
    objective: reached,
    gap,
    nonzeros: better ? countNonzeros(coef) : before.nonzeros,
    nIter,
    converged: gap <= tolerance,
  };
  return better;
}

/** Scores where a run is on the validation rows, and keeps the best. */
export function scoreRun(
  run: Run,
  design: Design,
  nIter: number,
  { features, labels, score = (predicted) => accuracy(predicted, labels) }: Validation,
): void {
  const perRun = run.state.length;
  const { coef, intercept: exact } = coefficients(run, run.state, design);
  const intercept = Float32Array.from(exact);
  const logits = new Float32Array(features.rows * perRun);
  run.state.forEach((state, k) => {
    // Beside large means of features even the rounding of what is kept moves the rows.
    const shift = state.intercept + (intercept[k]! - exact[k]!);
    state.validation!.forEach((margin, row) => logits[row * perRun + k] = margin + shift);
  });
  run.last = { coef, intercept, score: score(predictClasses(logits, perRun)), nIter };
  if (!run.best || run.last.score > run.best.score) run.best = run.last;
}

function coefficients({ places }: Run, state: Run["state"], { scaling }: Design) {
  const width = places.length;
  const coef = new Float32Array(state.length * width);
  const intercept = new Float64Array(state.length);
  state.forEach(({ coef: scaled, intercept: shift }, k) => {
    const own = unscale(scaled!, shift, places, scaling);
    coef.set(own.coef, k * width);
    intercept[k] = own.intercept;
  });
  return { coef, intercept };
}

/** The fit that a run has come to. */
export function finishRun(run: Run, design: Design, options: SolverOptions): Fit {
  const { problem, certificates, state, ahead, best, last } = run;
  return {
    problem,
    ...coefficients(run, state, design),
    certificates,
    stop: stopReason(
      certificates,
      limitsOf(options).maxIterations,
      !last || isPatient(run, last.nIter, options.patience),
    ),
    ...(ahead && { ahead: coefficients(run, ahead, design) }),
    ...(best && last ? { validation: { best, last } } : {}),
  };
}
