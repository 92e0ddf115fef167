import type { Features } from "../features/store.ts";
import type { Gpu } from "../gpu/device.ts";
import { mostRows } from "../gpu/matrix.ts";
import { inverseRows } from "../ops/logistic_inverse.ts";
import { range, SpindleError } from "../util.ts";
import { Batch } from "./batch.ts";
import { type ColumnOrder, orderColumns } from "./columns.ts";
import { createDesign, cutRows, type Design, type DesignBlock } from "./design.ts";
import {
  completeProblem,
  type Fit,
  type LabelledFeatures,
  positiveClasses,
  type Problem,
  type ProblemRequest,
} from "./fit.ts";
import { solveByOwnModels } from "./own_model.ts";
import { fitsHost, proveFits } from "./prove.ts";
import {
  beginRun,
  type ClassStart,
  finishRun,
  isDone,
  type Run,
  scoreRun,
  takeSnapshot,
} from "./run.ts";
import { lookAhead, placedFits, prepareSets, stepsPerLook } from "./run_batch.ts";
import { limitsOf, requireLimits, type SolverOptions } from "./solver_options.ts";
import { rememberRows } from "./standardize.ts";
import { fitWide } from "./wide.ts";
import { widestDesign } from "./working_set.ts";

/** At most how many rounds a step spends on its model. */
const roundsPerStep = 30;
/** After so many steps a regression gets a model of its own. */
const sharedSteps = 30;
/** The share of the steps that the GPU may take where the host may have to go on. */
const deviceShare = 0.8;
/** Where a smaller share of a batch is not solved yet, those go on in a batch of their own. */
const worthwhile = 0.7;
/** Working sets pay from so many columns on, where their square is so many times the rows. */
const fewRows = { columns: 512, squarePerRow: 1536 };
/** Regressions that are solved at the same time; margins of all rows are kept for each. */
const batchLimit = 512;

/**
 * Fits many logistic regressions on the same rows, as one batch on the GPU. Each minimises
 * `||w||_1 + C sum log(1 + exp(-y (w x + b)))`, or the penalty that its problem asks for, with the
 * intercept b not penalised.
 *
 * @param train The rows; for two classes the one with id 1 is the positive one.
 * @param classes How many classes there are.
 * @param requests The problems.
 * @returns A fit for each problem, in their order.
 * @throws {SpindleError} If a feature is not finite, a class has no rows, or a penalty or a limit
 * is none.
 */
export async function fitProblems(
  gpu: Gpu,
  { features: source, labels }: LabelledFeatures,
  classes: number,
  requests: readonly ProblemRequest[],
  options: SolverOptions = {},
): Promise<Fit[]> {
  requireLimits(options);
  options.signal?.throwIfAborted();
  if (requests.length === 0) return [];
  const problems = requests.map(completeProblem);
  const features = rememberRows(source);
  const train = { features, labels };
  const starts = classStarts(labels, classes);
  const order = orderColumns(problems, features.cols);
  const endsOnHost = options.exact && fitsHost(features);
  const isWide = order.columns.length > widestDesign ||
    !endsOnHost && problems.every((problem) => isSooner(problem, features));
  const solve = async (options: SolverOptions) => {
    if (isWide) {
      return await fitWide(gpu, train, starts, problems, options, fitOnDesign);
    }
    using design = createDesign(gpu, features, labels, order.columns, options.residentBytes);
    return await fitOnDesign(design, order, starts, problems, options);
  };
  if (!options.exact) return await solve(options);
  if (problems.some(({ columns }) => columns)) throw new Error("exact problems use all columns");
  const { tolerance, maxIterations } = limitsOf(options);
  const deviceSteps = !isWide && endsOnHost ? sharedSteps : Math.ceil(deviceShare * maxIterations);
  const fits = await solve({ ...options, maxIterations: Math.min(maxIterations, deviceSteps) });
  const targets = starts.map(({ target }) => target);
  return proveFits(train, targets, fits, { tolerance, maxIterations });
}

/** Whether working sets solve a problem sooner than a model of all its columns. */
function isSooner({ columns, l1Ratio }: Problem, { rows, cols }: Features): boolean {
  const width = columns?.length ?? cols;
  return l1Ratio === 1 && width >= fewRows.columns && rows * fewRows.squarePerRow <= width ** 2;
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
  using owned = new DisposableStack();
  const { validation } = options;
  const validationBlocks = validation
    ? cutRows(owned, gpu, validation.features, design.scaling, options.residentBytes)
    : [];
  // Problems that are the same in all are solved once.
  const runs = new Map<string, Run>();
  const runOf = problems.map((problem, i) => {
    const set = order.setOf[i]!;
    const { C, l1Ratio, scale } = problem;
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
  return runOf.map((run, i) => ({ ...finishRun(run, design, options), problem: problems[i]! }));
}

/** For each regression its positive class and the intercept of a model without columns. */
function classStarts(labels: Int32Array, classes: number): ClassStart[] {
  const targets = positiveClasses(range(classes));
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

/**
 * Cuts where a batch would hold too many regressions, or inverses that one matrix does not hold:
 * between sets, or where one has too many regressions, between its problems.
 */
function cutBatches(runs: readonly Run[], gpu: Gpu): Run[][] {
  const groups = [...Map.groupBy(runs, ({ set }) => set).values()].flatMap((group) => {
    const most = Math.max(1, Math.floor(batchLimit / group[0]!.fits.length));
    const pieces = Math.ceil(group.length / most);
    return range(pieces).map((piece) => group.slice(piece * most, (piece + 1) * most));
  });
  const batches: Run[][] = [];
  let [fits, rows, width] = [Infinity, 0, 0];
  for (const group of groups) {
    const moreFits = group.length * group[0]!.fits.length;
    const moreRows = inverseRows(new Set(group[0]!.places.map((place) => place >> 2)).size);
    const widest = Math.max(width, moreRows);
    if (
      fits + moreFits > batchLimit ||
      rows + moreRows > Math.min(mostRows(gpu, widest), mostInverseRows)
    ) {
      batches.push([]);
      [fits, rows, width] = [0, 0, 0];
    }
    batches.at(-1)!.push(...group);
    fits += moreFits;
    rows += moreRows;
    width = Math.max(width, moreRows);
  }
  return batches;
}

/** More rows of inverses would be more workgroups than a dispatch may have. */
const mostInverseRows = 16_384;

/** Solves until every run is certified, given up or out of steps; those leave the batch. */
async function solveBatch(
  runs: readonly Run[],
  design: Design,
  validationBlocks: readonly DesignBlock[],
  options: SolverOptions,
): Promise<void> {
  const { tolerance, maxIterations } = limitsOf(options);
  let active = runs;
  {
    const setNumbers = [...new Set(runs.map(({ set }) => set))];
    using sets = prepareSets(runs, setNumbers, design);
    let nIter = 0;
    const until = Math.min(sharedSteps, maxIterations);
    while (active.length > 0 && nIter < until) {
      using batch = new Batch(design, sets, placedFits(active, setNumbers), validationBlocks);
      let unsolved = active;
      while (unsolved.length > worthwhile * active.length && nIter < until) {
        options.signal?.throwIfAborted();
        const steps = Math.min(stepsPerLook, until - nIter);
        batch.advance(steps, roundsPerStep);
        nIter += steps;
        const snapshots = await batch.read();
        const perRun = active[0]!.fits.length;
        active.forEach((run, i) => {
          if (!unsolved.includes(run)) return;
          run.fits.forEach((_, k) =>
            takeSnapshot(run, k, snapshots[i * perRun + k]!, nIter, tolerance)
          );
          if (options.validation) scoreRun(run, design, nIter, options.validation);
        });
        unsolved = unsolved.filter((run) => !isDone(run, nIter, options.patience));
      }
      active = unsolved;
    }
    if (nIter >= maxIterations) active = [];
    const left = runs.filter((run) => !active.includes(run));
    if (options.exact && left.length > 0) await lookAhead(left, setNumbers, design, sets);
  }
  for (const run of active) await solveByOwnModels(run, design, validationBlocks, options);
}
