import { type ColumnOrder, orderColumns } from "./columns.ts";
import { assembleDesign, type Design } from "./design.ts";
import {
  type Coefficients,
  type Fit,
  mostSteps,
  type Problem,
  rescale,
  type ScoredCoefficients,
} from "./fit.ts";
import { blockMargins } from "./margins.ts";
import { penaltyOf, type Regressions } from "./objective.ts";
import type { ClassStart } from "./run.ts";
import type { SolverOptions } from "./solver_options.ts";
import { selectScaling } from "./standardize.ts";
import type { WideRows } from "./wide_rows.ts";

/** Fits problems on a design that holds their columns in the given order. */
export type NarrowSolver = (
  design: Design,
  order: ColumnOrder,
  starts: readonly ClassStart[],
  problems: readonly Problem[],
  options: SolverOptions,
) => Promise<Fit[]>;

/** What all problems on the same wide rows share. */
export interface Wide extends Regressions {
  readonly rows: WideRows;
  readonly starts: readonly ClassStart[];
  readonly options: SolverOptions;
  readonly narrow: NarrowSolver;
}

/** A problem solved on a working set, as coefficients on all allowed columns. */
interface Solved extends Coefficients {
  /** `[rows, regressions]`. */
  readonly logits: Float64Array;
  /** The penalty of each regression. */
  readonly penalty: readonly number[];
  readonly nIter: number;
  readonly validation: Fit["validation"];
}

/**
 * Solves a problem on some of its columns.
 *
 * @param places Where they stand among the allowed columns.
 * @param start Coefficients on all allowed columns to begin at.
 */
export async function solveOnColumns(
  wide: Wide,
  problem: Problem,
  allowed: Uint32Array,
  places: Uint32Array,
  start: Coefficients,
  limits: { tolerance: number; maxIterations: number },
): Promise<Solved> {
  const columns = places.map((place) => allowed[place]!);
  const narrowed = { ...problem, columns, start: gatherCoef(start, allowed.length, places) };
  const order = orderColumns([narrowed], wide.rows.features.cols);
  using design = createWorkingDesign(wide, order.columns);
  const [fit] = await wide.narrow(design, order, wide.starts, [narrowed], {
    ...wide.options,
    ...limits,
    exact: false,
  });
  const spread = <T extends Coefficients | ScoredCoefficients>(each: T) =>
    spreadCoef(each, allowed.length, places);
  const { certificates, validation } = fit!;
  return {
    ...spread({ coef: fit!.coef, intercept: fit!.intercept }),
    ...await evaluate(design, order, fit!),
    nIter: mostSteps(certificates),
    validation: validation && { best: spread(validation.best), last: spread(validation.last) },
  };
}

function createWorkingDesign({ rows, labels }: Wide, columns: Uint32Array): Design {
  using onFailure = new DisposableStack();
  const blocks = rows.gather(onFailure, columns);
  const scaling = selectScaling(rows.scaling, columns);
  return assembleDesign(onFailure, rows.gpu, blocks, scaling, labels);
}

/** The logits of a fit on the columns of a design, and its penalties. */
async function evaluate({ rows, blocks, scaling, gram }: Design, { sets }: ColumnOrder, fit: Fit) {
  const regressions = fit.intercept.length;
  const scaled = Array.from(
    { length: regressions },
    (_, k) => rescale(fit, k, sets[0]!, scaling),
  );
  const weights = new Float32Array(regressions * scaling.columns.length);
  scaled.forEach(({ coef }, k) => weights.set(coef, k * coef.length));
  const logits = new Float64Array(rows * regressions);
  await Promise.all(blocks.map(async (block) => {
    const margins = await blockMargins(gram.gpu, block, weights, regressions);
    margins.forEach((margin, i) =>
      logits[block.firstRow * regressions + i] = margin + scaled[i % regressions]!.intercept
    );
  }));
  const width = sets[0]!.length;
  const penalty = scaled.map((_, k) => {
    const coef = fit.coef.subarray(k * width, (k + 1) * width);
    return penaltyOf(fit.problem, coef, sets[0]!, scaling);
  });
  return { logits, penalty };
}

/** Coefficients on some of the columns. */
function gatherCoef({ coef, intercept }: Coefficients, width: number, places: Uint32Array) {
  const gathered = new Float32Array(intercept.length * places.length);
  intercept.forEach((_, k) =>
    places.forEach((place, i) => gathered[k * places.length + i] = coef[k * width + place]!)
  );
  return { coef: gathered, intercept };
}

/** Coefficients on all columns, zero beside the given places. */
function spreadCoef<T extends Coefficients | ScoredCoefficients>(
  each: T,
  width: number,
  places: Uint32Array,
): T {
  const coef = new Float32Array(each.intercept.length * width);
  for (let k = 0; k < each.intercept.length; k++) {
    places.forEach((place, i) => coef[k * width + place] = each.coef[k * places.length + i]!);
  }
  return { ...each, coef };
}
