import { Batch } from "./batch.ts";
import type { Design } from "./design.ts";
import { penaltyWeight } from "./objective.ts";
import type { Run } from "./run.ts";
import { type ColumnSets, createColumnSets } from "./sets.ts";

/** Steps between two looks at the results. */
export const stepsPerLook = 2;
/** Rounds of a step whose model is to be solved well. */
const lookAheadRounds = 60;

/** The regressions of runs, each beginning where it is. */
export function placedFits(runs: readonly Run[], setNumbers: readonly number[]) {
  return runs.flatMap(({ set, fits, state }) =>
    fits.map((fit, k) => ({ ...fit, set: setNumbers.indexOf(set), start: state[k]! }))
  );
}

/** Takes a step that is not kept from where each run is. */
export async function lookAhead(
  runs: readonly Run[],
  setNumbers: readonly number[],
  design: Design,
  sets: ColumnSets,
): Promise<void> {
  using batch = new Batch(design, sets, placedFits(runs, setNumbers), []);
  batch.advance(1, lookAheadRounds);
  const snapshots = (await batch.read()).values();
  for (const run of runs) run.ahead = run.state.map(() => snapshots.next().value!);
}

/** The sets of columns of runs, with the penalty weights that each asks for. */
export function prepareSets(
  runs: readonly Run[],
  setNumbers: readonly number[],
  design: Design,
  share?: number,
): ColumnSets {
  const { deviation } = design.scaling;
  const weights = setNumbers.map((set) => {
    const { places, problem } = runs.find((run) => run.set === set)!;
    const each = new Float32Array(deviation.length).fill(Infinity);
    for (const place of places) each[place] = penaltyWeight(problem, deviation[place]!);
    return each;
  });
  return createColumnSets(design, weights, share);
}
