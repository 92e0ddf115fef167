import type { Gpu } from "../gpu/device.ts";
import { inverseRows } from "../ops/logistic_inverse.ts";
import { SpindleError } from "../util.ts";
import { Batch } from "./batch.ts";
import { type ColumnOrder, orderColumns } from "./columns.ts";
import { createDesign, cutRows, type Design, type DesignBlock } from "./design.ts";
import type { Fit, LabelledFeatures, Problem } from "./fit.ts";
import {
  beginRun,
  type ClassStart,
  finishRun,
  isDone,
  look,
  type Run,
  scoreRun,
  type Validation,
} from "./run.ts";
import { type ColumnSets, createColumnSets } from "./sets.ts";
import { fitWide, widestDesign } from "./wide.ts";

export type { Validation } from "./run.ts";

/** How {@linkcode fitProblems} solves. */
export interface SolverOptions {
  /** The relative duality gap at which a regression is solved; 1e-3 by default. */
  readonly tolerance?: number;
  /** At most how many steps, each with two products of all rows and columns; 200 by default. */
  readonly maxIterations?: number;
  readonly validation?: Validation;
  /** Steps without a better validation score after which a problem is given up; none by default. */
  readonly patience?: number;
  /**
   * At most how many bytes of features stay in GPU memory; those of more are uploaded anew in each
   * step. 1 GiB by default.
   */
  readonly residentBytes?: number;
}

const defaultTolerance = 1e-3;
const defaultMaxIterations = 200;
/** Steps between two looks at the results. */
const stepsPerLook = 2;
/** At most how many rounds a step spends on its model. */
const roundsPerStep = 30;
/** After so many steps a regression gets a model of its own. */
const sharedSteps = 30;
/** Such a model is its own only; a smaller ridge and more rounds make the most of it. */
const ownModel = { ridgeShare: 0.1, rounds: 60 };
/** Regressions that are solved at the same time; margins of all rows are kept for each. */
const batchLimit = 512;

/**
 * Fits many logistic regressions on the same rows, as one batch on the GPU. Each minimises
 * `||w||_1 + C sum log(1 + exp(-y (w x + b)))`, or the penalty that its problem asks for, with the
 * intercept b not penalised.
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
  if (problems.length === 0) return [];
  const { features, labels } = train;
  const starts = classStarts(labels, classes);
  const order = orderColumns(problems, features.cols);
  if (order.columns.length > widestDesign) {
    return await fitWide(gpu, train, starts, problems, options, fitOnDesign);
  }
  using design = createDesign(gpu, features, labels, order.columns, options.residentBytes);
  return await fitOnDesign(design, order, starts, problems, options);
}

/** Fits problems on a design that holds their columns in the given order. */
async function fitOnDesign(
  design: Design,
  order: ColumnOrder,
  starts: readonly ClassStart[],
  problems: readonly Problem[],
  options: SolverOptions,
): Promise<Fit[]> {
  const { gpu } = design.gram;
  using cleanup = new DisposableStack();
  const { validation } = options;
  const validationBlocks = validation
    ? cutRows(cleanup, gpu, validation.features, design.scaling, options.residentBytes)
    : [];
  // Problems that are the same in all are solved once.
  const runs = new Map<string, Run>();
  const runOf = problems.map((problem, i) => {
    const set = order.setOf[i]!;
    const { C, l1Ratio = 1, scale = "raw" } = problem;
    const key = `${set} ${scale} ${C} ${l1Ratio}`;
    // Weights of another scale are penalised like another set of columns.
    const own = 2 * set + Number(scale === "standardized");
    const run = runs.get(key) ?? beginRun(problem, own, order.sets[set]!, starts, design.scaling);
    runs.set(key, run);
    return run;
  });
  for (const batch of cutBatches([...runs.values()], gpu)) {
    await solveBatch(batch, design, validationBlocks, options);
  }
  return runOf.map((run, i) => ({ ...finishRun(run, design), problem: problems[i]! }));
}

/** For each regression its positive class and the intercept of a model without columns. */
function classStarts(labels: Int32Array, classes: number): ClassStart[] {
  const targets = classes === 2 ? [1] : [...Array(classes).keys()];
  return targets.map((target) => {
    const members = labels.reduce((count, label) => count + Number(label === target), 0);
    if (members === 0 || members === labels.length) {
      throw new SpindleError(
        `Cannot tell class ${target} from the others as ${members} of ${labels.length} rows are ` +
          `in it: give rows of every class`,
      );
    }
    return { target, intercept: Math.log(members / (labels.length - members)) };
  });
}

/** Cuts where a batch would hold too many regressions, or inverses of too many rows. */
function cutBatches(runs: readonly Run[], gpu: Gpu): Run[][] {
  const rowLimit = gpu.device.limits.maxTextureDimension2D;
  const bySet = [...Map.groupBy(runs, ({ set }) => set).values()];
  const batches: Run[][] = [];
  let fits = Infinity;
  let rows = Infinity;
  for (const group of bySet) {
    const moreFits = group.length * group[0]!.fits.length;
    const moreRows = inverseRows(new Set(group[0]!.places.map((place) => place >> 2)).size);
    if (fits + moreFits > batchLimit || rows + moreRows > rowLimit) {
      batches.push([]);
      [fits, rows] = [0, 0];
    }
    batches.at(-1)!.push(...group);
    fits += moreFits;
    rows += moreRows;
  }
  return batches;
}

/** Solves until every run is certified, given up or out of steps; those leave the batch. */
async function solveBatch(
  runs: readonly Run[],
  design: Design,
  validationBlocks: readonly DesignBlock[],
  options: SolverOptions,
): Promise<void> {
  const { tolerance = defaultTolerance, maxIterations = defaultMaxIterations } = options;
  let active = runs;
  {
    const setNumbers = [...new Set(runs.map(({ set }) => set))];
    using sets = prepareSets(runs, setNumbers, design);
    let nIter = 0;
    const until = Math.min(sharedSteps, maxIterations);
    while (active.length > 0 && nIter < until) {
      const fits = active.flatMap(({ set, fits, state }) =>
        fits.map((fit, k) => ({ ...fit, set: setNumbers.indexOf(set), start: state[k]! }))
      );
      using batch = new Batch(design, sets, fits, validationBlocks);
      let unsolved = active;
      while (unsolved.length > 0.7 * active.length && nIter < until) {
        batch.advance(stepsPerLook, roundsPerStep);
        nIter += stepsPerLook;
        const snapshots = await batch.read();
        const perRun = active[0]!.fits.length;
        active.forEach((run, i) => {
          if (!unsolved.includes(run)) return;
          run.fits.forEach((_, k) => look(run, k, snapshots[i * perRun + k]!, nIter, tolerance));
          if (options.validation) scoreRun(run, design, nIter, options.validation);
        });
        unsolved = unsolved.filter((run) => !isDone(run, nIter, options.patience));
      }
      active = unsolved;
    }
  }
  for (const run of active) await solveAlone(run, design, validationBlocks, options);
}

/** Goes on with the regressions of a run, one by one, each with a model of its own. */
async function solveAlone(
  run: Run,
  design: Design,
  validationBlocks: readonly DesignBlock[],
  options: SolverOptions,
): Promise<void> {
  using sets = prepareSets([run], [run.set], design, ownModel.ridgeShare);
  for (const [k, fit] of run.fits.entries()) {
    const begin = () =>
      new Batch(design, sets, [{ ...fit, set: 0, start: run.state[k]! }], validationBlocks);
    if (run.certificates[k]!.converged) continue;
    await solveByOwnModel(run, k, begin, design, options);
    if (isDone(run, run.certificates[k]!.nIter, options.patience)) return;
  }
}

/**
 * Goes on with one regression. Its own model holds near a point only: where a step makes things
 * worse, it is taken back, and the next ones are shorter.
 */
async function solveByOwnModel(
  run: Run,
  k: number,
  begin: () => Batch,
  design: Design,
  options: SolverOptions,
): Promise<void> {
  const { tolerance = defaultTolerance, maxIterations = defaultMaxIterations } = options;
  let { nIter } = run.certificates[k]!;
  let caution = 1;
  let batch = begin();
  try {
    while (nIter < maxIterations && !run.certificates[k]!.converged) {
      batch.advance(stepsPerLook, ownModel.rounds);
      nIter += stepsPerLook;
      const [snapshot] = await batch.read();
      const isWorse = !look(run, k, snapshot!, nIter, tolerance);
      if (options.validation) scoreRun(run, design, nIter, options.validation);
      if (isDone(run, nIter, options.patience)) return;
      if (isWorse) {
        caution *= 8;
        batch[Symbol.dispose]();
        batch = begin();
      } else {
        batch.refresh(caution);
        caution = Math.max(1, caution / 2);
      }
    }
  } finally {
    batch[Symbol.dispose]();
  }
}

function prepareSets(
  runs: readonly Run[],
  setNumbers: readonly number[],
  design: Design,
  share?: number,
): ColumnSets {
  const { deviation } = design.scaling;
  const weights = setNumbers.map((set) => {
    const { places, problem } = runs.find((run) => run.set === set)!;
    const each = new Float32Array(deviation.length).fill(Infinity);
    for (const place of places) {
      const sd = deviation[place]!;
      if (sd > 0) each[place] = problem.scale === "standardized" ? 1 : 1 / sd;
    }
    return each;
  });
  return createColumnSets(design, weights, share);
}
