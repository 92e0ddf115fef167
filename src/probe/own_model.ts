import { Batch } from "./batch.ts";
import type { Design, DesignBlock } from "./design.ts";
import type { Certificate } from "./fit.ts";
import { isDone, look, type Run, scoreRun } from "./run.ts";
import { lookAhead, prepareSets, stepsPerLook } from "./run_batch.ts";
import { limitsOf, type SolverOptions } from "./solver_options.ts";

/** Such a model is its own only; a smaller ridge and more rounds make the most of it. */
const ownModel = { ridgeShare: 0.1, rounds: 60 };
/** In so many steps its gap falls by such a share, or its objective does, or it is given up. */
const progress = { steps: 20, gap: 0.1, objective: 1e-5 };

/** Goes on with the regressions of a run, one by one, each with a model of its own. */
export async function solveAlone(
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
    if (isDone(run, run.certificates[k]!.nIter, options.patience)) break;
  }
  if (options.exact) await lookAhead([run], [run.set], design, sets);
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
  const { tolerance, maxIterations } = limitsOf(options);
  let { nIter } = run.certificates[k]!;
  let caution = 1;
  let mark = run.certificates[k]!;
  let batch = begin();
  try {
    while (nIter < maxIterations && !run.certificates[k]!.converged) {
      const steps = Math.min(stepsPerLook, maxIterations - nIter);
      batch.advance(steps, ownModel.rounds);
      nIter += steps;
      const [snapshot] = await batch.read();
      const isWorse = !look(run, k, snapshot!, nIter, tolerance);
      if (options.validation) scoreRun(run, design, nIter, options.validation);
      if (isDone(run, nIter, options.patience)) return;
      if (isProgress(mark, run.certificates[k]!)) mark = run.certificates[k]!;
      if (nIter - mark.nIter >= progress.steps) return;
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

function isProgress(before: Certificate, { gap, objective }: Certificate): boolean {
  return gap < (1 - progress.gap) * before.gap ||
    objective < (1 - progress.objective) * before.objective;
}
