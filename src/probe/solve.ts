import type { Gpu } from "../gpu/device.ts";
import { SpindleError } from "../util.ts";
import { Batch, type BatchFit, type Snapshot } from "./batch.ts";
import { orderColumns, orderProblems } from "./columns.ts";
import { createDesign, type Design, type DesignBlock, uploadBlocks } from "./design.ts";
import {
  type Certificate,
  type Fit,
  type LabelledFeatures,
  predictClasses,
  type Problem,
  regressionsOf,
  type ScoredCoefficients,
  unscale,
} from "./fit.ts";

/** Where to keep the iterate that predicts other rows best. */
export interface Validation extends LabelledFeatures {
  /** Scores predicted classes; the share of right ones where not given. */
  readonly score?: (predicted: Int32Array) => number;
}

/** How {@linkcode fitProblems} solves. */
export interface SolverOptions {
  /** The relative duality gap at which a regression is solved. */
  readonly tolerance?: number;
  /** At most how many steps, each with one product of all rows and columns. */
  readonly maxIterations?: number;
  readonly validation?: Validation;
}

const defaultTolerance = 1e-3;
const defaultMaxIterations = 200;
/** Steps between two looks at the results, and descent steps on the model in each. */
const stepsPerLook = 2;
const descentSteps = 60;
/** Regressions that are solved at the same time; margins of all rows are kept for each. */
const batchLimit = 512;

/** A problem on its way. */
interface Run {
  readonly problem: Problem;
  readonly places: Uint32Array;
  readonly fits: BatchFit[];
  state: { coef: Float32Array[]; intercept: number[] };
  certificates: Certificate[];
  best: ScoredCoefficients | undefined;
  last: ScoredCoefficients | undefined;
}

/**
 * Fits many L1 logistic regressions on the same rows, as one batch on the GPU. Each minimises
 * `||w||_1 + C sum log(1 + exp(-y (w x + b)))`, with the intercept b not penalised.
 *
 * @param train The rows; for two classes the one with id 1 is the positive one.
 * @param classes How many classes there are.
 * @returns A fit for each problem, in their order.
 * @throws {SpindleError} If a feature is not finite or a class has no rows.
 */
export async function fitProblems(
  gpu: Gpu,
  train: LabelledFeatures,
  classes: number,
  problems: readonly Problem[],
  options: SolverOptions = {},
): Promise<Fit[]> {
  const { features, labels } = train;
  const order = orderColumns(problems, features.cols);
  using cleanup = new DisposableStack();
  const design = cleanup.use(createDesign(gpu, features, labels, order.columns));
  const { validation } = options;
  const validationBlocks = validation
    ? uploadBlocks(cleanup, gpu, validation.features, design.scaling)
    : [];
  const runs = problems.map((problem, i) =>
    beginRun(problem, order.places[i]!, design, labels, classes)
  );
  const waiting = orderProblems(problems, features.cols).map((i) => runs[i]!);
  const atOnce = Math.max(1, Math.floor(batchLimit / regressionsOf(classes)));
  for (let first = 0; first < waiting.length; first += atOnce) {
    await solveBatch(waiting.slice(first, first + atOnce), design, validationBlocks, options);
  }
  return runs.map((run) => finishRun(run, design));
}

function beginRun(
  problem: Problem,
  places: Uint32Array,
  design: Design,
  labels: Int32Array,
  classes: number,
): Run {
  const { deviation } = design.scaling;
  const weights = new Float32Array(deviation.length).fill(Infinity);
  for (const place of places) if (deviation[place]! > 0) weights[place] = 1 / deviation[place]!;
  const targets = classes === 2 ? [1] : [...Array(classes).keys()];
  const fits = targets.map((target) => {
    let members = 0;
    for (const label of labels) if (label === target) members++;
    if (members === 0 || members === labels.length) {
      throw new SpindleError(
        `Cannot tell class ${target} from the others as ${members} of ${labels.length} rows are ` +
          `in it: give rows of every class`,
      );
    }
    const intercept = Math.log(members / (labels.length - members));
    return { l1: 1 / problem.C, l2: 0, target, weights, start: { intercept } };
  });
  const state = { coef: [], intercept: [] };
  return { problem, places, fits, state, certificates: [], best: undefined, last: undefined };
}

/** Solves until every run is certified or out of steps; runs that are done leave the batch. */
async function solveBatch(
  runs: Run[],
  design: Design,
  validationBlocks: readonly DesignBlock[],
  { tolerance = defaultTolerance, maxIterations = defaultMaxIterations, validation }: SolverOptions,
): Promise<void> {
  let active = runs;
  let nIter = 0;
  while (active.length > 0 && nIter < maxIterations) {
    using batch = new Batch(design, active.flatMap(continued), validationBlocks);
    let unsolved = active;
    while (unsolved.length > 0.7 * active.length && nIter < maxIterations) {
      batch.advance(stepsPerLook, descentSteps);
      nIter += stepsPerLook;
      const snapshot = await batch.read();
      const perRun = active[0]!.fits.length;
      active.forEach((run, i) => {
        if (!unsolved.includes(run)) return;
        look(run, i * perRun, snapshot, design, nIter, tolerance);
        if (validation) scoreRun(run, i * perRun, snapshot, design, nIter, validation);
      });
      unsolved = unsolved.filter((run) => !run.certificates.every(({ converged }) => converged));
    }
    active = unsolved;
  }
}

function continued({ fits, state }: Run): BatchFit[] {
  return fits.map((fit, k) => {
    const coef = state.coef[k];
    return coef ? { ...fit, start: { coef, intercept: state.intercept[k]! } } : fit;
  });
}

/** Takes over what a snapshot says of a run. */
function look(
  run: Run,
  firstFit: number,
  { coef, intercept, primal, dual }: Snapshot,
  { gram }: Design,
  nIter: number,
  tolerance: number,
): void {
  const { C } = run.problem;
  run.fits.forEach((_, k) => {
    const fit = firstFit + k;
    run.state.coef[k] = coef.slice(fit * gram.cols, (fit + 1) * gram.cols);
    run.state.intercept[k] = intercept[fit]!;
    const gap = Math.max(0, primal[fit]! - dual[fit]!) / primal[fit]!;
    run.certificates[k] = {
      objective: primal[fit]! * C,
      gap,
      nonzeros: run.state.coef[k]!.reduce((count, value) => count + (value === 0 ? 0 : 1), 0),
      nIter,
      converged: gap <= tolerance,
    };
  });
}

function scoreRun(
  run: Run,
  firstFit: number,
  { validation: margins, intercept }: Snapshot,
  design: Design,
  nIter: number,
  { features, labels, score }: Validation,
): void {
  const perRun = run.fits.length;
  const stride = intercept.length;
  const logits = new Float32Array(features.rows * perRun);
  for (let row = 0; row < features.rows; row++) {
    for (let k = 0; k < perRun; k++) {
      logits[row * perRun + k] = margins![row * stride + firstFit + k]! + intercept[firstFit + k]!;
    }
  }
  const predicted = predictClasses(logits, perRun);
  const value = score ? score(predicted) : shareOfRight(predicted, labels);
  run.last = { ...coefficients(run, design), score: value, nIter };
  if (!run.best || value > run.best.score) run.best = run.last;
}

function shareOfRight(predicted: Int32Array, labels: Int32Array): number {
  return predicted.reduce((right, c, row) => right + Number(c === labels[row]), 0) / labels.length;
}

function coefficients({ places, state }: Run, { scaling }: Design) {
  const width = places.length;
  const coef = new Float32Array(state.coef.length * width);
  const intercept = new Float32Array(state.coef.length);
  state.coef.forEach((scaled, k) => {
    const own = unscale(scaled, state.intercept[k]!, places, scaling);
    coef.set(own.coef, k * width);
    intercept[k] = own.intercept;
  });
  return { coef, intercept };
}

function finishRun(run: Run, design: Design): Fit {
  const { problem, certificates, best, last } = run;
  return {
    problem,
    ...coefficients(run, design),
    certificates,
    ...(best && last ? { validation: { best, last } } : {}),
  };
}
