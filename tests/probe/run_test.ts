import assert from "node:assert/strict";
import type { Design } from "../../src/probe/design.ts";
import { completeProblem } from "../../src/probe/fit.ts";
import { beginRun, isDone, scoreRun } from "../../src/probe/run.ts";
import { featuresOf } from "../../src/probe/standardize.ts";

const scaling = {
  columns: Uint32Array.of(0),
  mean: Float64Array.of(0),
  deviation: Float64Array.of(1),
};
const validation = {
  features: featuresOf(Float32Array.of(1, 2, -1), 3),
  labels: Int32Array.of(1, 1, 0),
};

/** A run of one regression on one column that scores iterates of these weights. */
function scoredRun(weights: readonly number[]) {
  const problem = completeProblem({ C: 1 });
  const run = beginRun(problem, 0, Uint32Array.of(0), [{ target: 1, intercept: 0 }], scaling);
  weights.forEach((weight, i) => {
    const coef = Float32Array.of(weight);
    const margins = validation.features.read(0, 3).map((value) => weight * value);
    run.state[0] = { coef, intercept: 0, validation: margins };
    scoreRun(run, { scaling } as Design, i + 1, validation);
  });
  return run;
}

Deno.test("scoreRun() keeps the best iterate, of equals the first", () => {
  const { best, last } = scoredRun([-1, 2, 3, -4]);
  assert.deepEqual([best!.coef[0], best!.score, best!.nIter], [2, 1, 2]);
  assert.deepEqual([last!.coef[0], last!.score, last!.nIter], [-4, 0, 4]);
});

Deno.test("isDone() waits as many steps as its patience for a better score", () => {
  const run = scoredRun([-1, 2, 3]);
  const [objective, gap, nonzeros, nIter] = [1, 1, 1, 3];
  run.certificates.push({ objective, gap, nonzeros, nIter, converged: false });
  assert.deepEqual([4, 5, 6].map((nIter) => isDone(run, nIter, 3)), [false, true, true]);
  assert.equal(isDone(run, 1000), false);
  run.certificates[0] = { ...run.certificates[0]!, converged: true };
  assert.equal(isDone(run, 3, 3), true);
});
