import { bySplit, type Dataset } from "../data/dataset.ts";
import { type FeatureStore, readFeatures } from "../features/store.ts";
import type { Gpu } from "../gpu/device.ts";
import { mapOverlapping } from "../gpu/overlap.ts";
import type { StateId } from "../model/states.ts";
import type { Pool } from "../ops/pool.ts";
import { requireC } from "../probe/fit.ts";
import { requireList, SpindleError } from "../util.ts";
import {
  fitRegressions,
  type Regression,
  requireSameTexts,
  type SolverChoices,
} from "./regressions.ts";

/** The values of C that probes and heads are fitted with. */
export const defaultC = [0.1, 0.2, 1, 10, 100] as const;

/**
 * The different values of C, in rising order.
 *
 * @throws {SpindleError} If there are none, or one is none.
 */
export function orderC(C: readonly number[]): number[] {
  requireC(C);
  return [...new Set(C)].sort((a, b) => a - b);
}

/** The probes of one pooled state, one a C. */
export interface StateProbes {
  /** The state that the probes read. */
  readonly state: StateId;
  /** How it is pooled. */
  readonly pool: Pool;
  /** One for each of the different C, in rising order. */
  readonly probes: readonly Regression[];
  /** The probe with the best validation score; of equals the one with the smaller C. */
  readonly best: Regression;
}

/** Choices of {@linkcode fitProbes}. */
export interface ProbeOptions extends SolverChoices {
  /** The states to probe. */
  readonly states: readonly StateId[];
  /** The pools to probe, all of which the store must have. */
  readonly pools: readonly Pool[];
  /** Default 0.1, 0.2, 1, 10 and 100. */
  readonly C?: readonly number[] | undefined;
  /** Aborted, it ends the work with its reason as the error. */
  readonly signal?: AbortSignal | undefined;
  /** Is told how many probes are fitted. */
  readonly onProgress?: ((fitted: number, total: number) => void) | undefined;
}

/**
 * Fits a probe to each pooled state for each C: an L1 logistic regression from all neurons of the
 * state to the class.
 *
 * @param gpu Where they are fitted.
 * @param store The features.
 * @param dataset The data set that these are of.
 * @param options The states and pools, what the probes are fitted with, and who is told how far
 * that is.
 * @returns The probes, state by state and pool by pool.
 * @throws {SpindleError} If features are missing, of another data set or not finite, the data set
 * is none that `makeDataset` or `loadDataset` makes, there is no state, no pool or no C, or a
 * choice of the solver is none.
 */
export async function fitProbes(
  gpu: Gpu,
  store: FeatureStore,
  dataset: Dataset,
  options: ProbeOptions,
): Promise<StateProbes[]> {
  const { states, pools, C = defaultC, onProgress, signal, ...solver } = options;
  const data = requireSameTexts(store, dataset);
  requireList("the states", states);
  requireList("the pools", pools);
  if (states.length === 0 || pools.length === 0) {
    throw new SpindleError(
      "Cannot fit probes without a state and a pool: give one of each at least",
    );
  }
  const requests = orderC(C).map((C) => ({ C }));
  const inputs = states.flatMap((state) => pools.map((pool) => ({ state, pool })));
  let fitted = 0;
  onProgress?.(fitted, inputs.length * requests.length);
  return await mapOverlapping(inputs, async ({ state, pool }) => {
    const features = bySplit((split) => readFeatures(store, split, state, pool));
    const probes = await fitRegressions(gpu, features, data, requests, solver, signal);
    fitted += probes.length;
    onProgress?.(fitted, inputs.length * requests.length);
    return { state, pool, probes, best: bestRegression(probes) };
  });
}

function bestRegression(probes: readonly Regression[]): Regression {
  return probes.reduce((best, probe) => probe.validation > best.validation ? probe : best);
}
