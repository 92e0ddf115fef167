import { Batch } from "./batch.ts";
import type { Design, DesignBlock } from "./design.ts";
import { type Certificate, mostSteps } from "./fit.ts";
import { isDone, type Run, scoreRun, takeSnapshot } from "./run.ts";
import { lookAhead, prepareSets, stepsPerLook } from "./run_batch.ts";
import { limitsOf, type SolverOptions } from "./solver_options.ts";

/** Such a model is its own only; a smaller ridge and more rounds make the most of it. */
const modelChoices = { ridgeShare: 0.1, rounds: 60, mostRounds: 480 };
/** In so many steps its gap falls by such a share, or its objective does, or it is given up. */
const progress = { steps: 20, gap: 0.1, objective: 1e-5 };

/** A regression that has a model of its own. */
interface OwnModelFit {
  readonly k: number;
  /** Where it stands in GPU memory; undefined where it begins, or begins again. */
  batch?: Batch | undefined;
  /** How many times more curvature than there is the next model expects. */
  caution: number;
  /** How many rounds a step spends on its model: many columns on few rows take the most. */
  rounds: number;
  /** The last certificate that was progress. */
  mark: Certificate;
}

/**
 * Goes on with the regressions of a run, each with a model of its own. They take their steps side
 * by side, for what validation scores is all classes at once.
 */
export async function solveByOwnModels(
  run: Run,
  design: Design,
  validationBlocks: readonly DesignBlock[],
  options: SolverOptions,
): Promise<void> {
  const { maxIterations } = limitsOf(options);
  using sets = prepareSets([run], [run.set], design, modelChoices.ridgeShare);
  const begin = (k: number) =>
    new Batch(design, sets, [{ ...run.fits[k]!, set: 0, start: run.state[k]! }], validationBlocks);
  let nIter = mostSteps(run.certificates);
  const { rounds } = modelChoices;
  let going = run.certificates.map((mark, k): OwnModelFit => ({ k, mark, caution: 1, rounds }))
    .filter(({ mark }) => !mark.converged);
  {
    using owned = new DisposableStack();
    owned.defer(() => going.forEach(leaveMemory));
    while (going.length > 0 && nIter < maxIterations) {
      options.signal?.throwIfAborted();
      const steps = Math.min(stepsPerLook, maxIterations - nIter);
      nIter += steps;
      for (const each of going) await takeSteps(run, each, begin, steps, nIter, options);
      if (options.validation) scoreRun(run, design, nIter, options.validation);
      if (isDone(run, nIter, options.patience)) break;
      const stopped = going.filter(({ k, mark }) =>
        run.certificates[k]!.converged || nIter - mark.nIter >= progress.steps
      );
      stopped.forEach(leaveMemory);
      going = going.filter((each) => !stopped.includes(each));
    }
  }
  if (options.exact) await lookAhead([run], [run.set], design, sets);
}

/**
 * Takes steps of one regression. Its own model holds near a point only: where a step makes things
 * worse, it is taken back, and the next ones are shorter and follow the model more closely.
 */
async function takeSteps(
  run: Run,
  each: OwnModelFit,
  begin: (k: number) => Batch,
  steps: number,
  nIter: number,
  options: SolverOptions,
): Promise<void> {
  const { k, batch } = each;
  // Where it begins, the model that all share has not been tried with so many rounds.
  using model = batch?.ownModel(each.caution);
  if (model) each.caution = Math.max(1, each.caution / 2);
  each.batch = batch ?? begin(k);
  each.batch.advance(steps, each.rounds, model);
  const [snapshot] = await each.batch.read();
  const isBetter = takeSnapshot(run, k, snapshot!, nIter, limitsOf(options).tolerance);
  if (isProgress(each.mark, run.certificates[k]!)) each.mark = run.certificates[k]!;
  if (isBetter) return;
  each.caution *= 8;
  each.rounds = Math.min(2 * each.rounds, modelChoices.mostRounds);
  leaveMemory(each);
}

function leaveMemory(each: OwnModelFit): void {
  each.batch?.[Symbol.dispose]();
  each.batch = undefined;
}

function isProgress(before: Certificate, { gap, objective }: Certificate): boolean {
  return gap < (1 - progress.gap) * before.gap ||
    objective < (1 - progress.objective) * before.objective;
}
