import { bySplit, type Dataset } from "../data/dataset.ts";
import {
  type Features,
  type FeatureStore,
  readFeatures,
  type StoreKey,
} from "../features/store.ts";
import type { Gpu } from "../gpu/device.ts";
import { mapOverlapping } from "../gpu/overlap.ts";
import { type Site, sites, type StateId } from "../model/states.ts";
import { type Pool, pools } from "../ops/pool.ts";
import { requireList, SpindleError } from "../util.ts";
import { defaultC, orderC, type StateProbes } from "./probes.ts";
import {
  fitRegressions,
  type Regression,
  requireSameTexts,
  type SolverChoices,
} from "./regressions.ts";
import { copyEtas, countFor, defaultEtas, rankNeurons, saliency } from "./select.ts";

/** A classifier over the selected neurons of the first layers of a site. */
export interface Head extends Regression {
  /** Where its neurons are. */
  readonly site: Site;
  /** How their states are pooled. */
  readonly pool: Pool;
  /** The share of each layer's saliency that its neurons hold. */
  readonly eta: number;
  /** How many layers it reads, from the first that was given. */
  readonly layers: number;
  /** The neurons of each of these layers, by falling saliency. */
  readonly neurons: readonly { readonly state: StateId; readonly indices: Uint32Array }[];
  /** What the features that it was fitted to were made from. */
  readonly key: StoreKey;
}

/** Choices of {@linkcode integrate}. */
export interface IntegrateOptions extends SolverChoices {
  /** In (0, 1]; default ten from 0.001 to 0.8. */
  readonly etas?: readonly number[] | undefined;
  /** Default 0.1, 0.2, 1, 10 and 100. */
  readonly C?: readonly number[] | undefined;
  /** Aborted, it ends the work with its reason as the error. */
  readonly signal?: AbortSignal | undefined;
  /** Is told how many heads are fitted. */
  readonly onProgress?: ((fitted: number, total: number) => void) | undefined;
}

/**
 * Fits heads over the selected neurons of every layer prefix, for each site, pool, eta and C. Sites
 * are never mixed.
 *
 * @param gpu Where they are fitted.
 * @param store The features that the probes were fitted to.
 * @param dataset The data set that these are of.
 * @param probes The probes of every layer, in any order, whose best ones select the neurons. Where
 * some layers are left out, heads read the first of those that are there.
 * @param options What the heads are fitted with, and who is told how far that is.
 * @returns The heads, by site, pool, eta, layers and C.
 * @throws {SpindleError} If features are missing, of another data set or not finite, the data set
 * is none that `makeDataset` or `loadDataset` makes, there are no probes or those of a pooled state
 * twice, an eta is outside (0, 1], there is no eta or no C, or a choice of the solver is none.
 */
export async function integrate(
  gpu: Gpu,
  store: FeatureStore,
  dataset: Dataset,
  probes: readonly StateProbes[],
  options: IntegrateOptions = {},
): Promise<Head[]> {
  const { etas = defaultEtas, C = defaultC, onProgress, signal, ...solver } = options;
  const data = requireSameTexts(store, dataset);
  const [sortedC, shares] = [orderC(C), copyEtas(etas)];
  const ordered = orderProbes(probes);
  const groups = Map.groupBy(ordered, ({ state, pool }) => `${state.site} ${pool}`);
  const total = probes.length * shares.length * sortedC.length;
  let fitted = 0;
  onProgress?.(fitted, total);
  const heads = await mapOverlapping([...groups.values()], async (layers): Promise<Head[]> => {
    const { state: { site }, pool } = layers[0]!;
    const { features, requests } = prepareHeads(store, layers, shares, sortedC);
    const fits = await fitRegressions(gpu, features, data, requests, solver, signal);
    fitted += fits.length;
    onProgress?.(fitted, total);
    return fits.map((fit, i) => {
      const { eta, layers, neurons } = requests[i]!;
      return { ...fit, site, pool, eta, layers, neurons, key: store.key };
    });
  });
  return heads.flat();
}

/**
 * Probes site by site, pool by pool and, of the stacks in their order, layer by layer.
 *
 * @throws {SpindleError} If there are none, or two groups of them are of the same pooled state.
 */
function orderProbes(probes: readonly StateProbes[]): StateProbes[] {
  requireList("the probes", probes);
  if (probes.length === 0) {
    throw new SpindleError("Cannot fit heads without probes: give those that fitProbes makes");
  }
  const known = new Set<string>();
  for (const { state, pool } of probes) {
    const place = `${state.name} (${pool} pool)`;
    if (known.has(place)) {
      throw new SpindleError(`Cannot fit heads to the probes of ${place} twice: give them once`);
    }
    known.add(place);
  }
  return [...probes].sort((a, b) =>
    sites.indexOf(a.state.site) - sites.indexOf(b.state.site) ||
    pools.indexOf(a.pool) - pools.indexOf(b.pool) ||
    a.state.stack - b.state.stack || a.state.layer - b.state.layer
  );
}

/** The features that the heads of a site and a pool share, and what to fit on them. */
function prepareHeads(
  store: FeatureStore,
  layers: readonly StateProbes[],
  shares: readonly number[],
  sortedC: readonly number[],
) {
  const { state: { site }, pool } = layers[0]!;
  const union = uniteNeurons(layers, shares);
  const requests = shares.flatMap((eta, e) =>
    layers.flatMap((_, last) => {
      const columns = union.columns(e, last + 1);
      const neurons = union.neurons(e, last + 1);
      return sortedC.map((C) => ({ C, columns, eta, layers: last + 1, neurons }));
    })
  );
  const features = bySplit((split) =>
    gather(
      union.layers.map(({ state, indices }) => ({
        indices,
        features: readFeatures(store, split, state, pool),
      })),
      `${site} ${pool}`,
    )
  );
  return { features, requests };
}

/**
 * The neurons that the largest eta selects in each layer, side by side. Smaller ones select a
 * beginning of each layer's list, so that every head's features are columns of this one matrix.
 */
function uniteNeurons(layers: readonly StateProbes[], shares: readonly number[]) {
  const ranked = layers.map(({ state, best }) => {
    const saliencies = saliency(best.coef, state.width);
    const order = rankNeurons(saliencies);
    const counts = shares.map((eta) => countFor(saliencies, order, eta));
    return { state, counts, indices: order.slice(0, Math.max(...counts)) };
  });
  let width = 0;
  const starts = ranked.map(({ indices }) => (width += indices.length) - indices.length);
  return {
    layers: ranked,
    columns: (e: number, count: number): Uint32Array =>
      Uint32Array.from(
        ranked.slice(0, count).flatMap(({ counts }, l) =>
          Array.from({ length: counts[e]! }, (_, i) => starts[l]! + i)
        ),
      ),
    neurons: (e: number, count: number) =>
      ranked.slice(0, count).map(({ state, counts, indices }) => ({
        state,
        indices: indices.subarray(0, counts[e]!),
      })),
  };
}

/** Selected columns of several features, side by side. */
function gather(
  parts: readonly { indices: Uint32Array; features: Features }[],
  name: string,
): Features {
  const cols = parts.reduce((sum, { indices }) => sum + indices.length, 0);
  return {
    name,
    rows: parts[0]!.features.rows,
    cols,
    isLasting: true,
    read(start, end) {
      const data = new Float32Array((end - start) * cols);
      let at = 0;
      for (const { indices, features } of parts) {
        const source = features.read(start, end);
        for (let row = 0; row < end - start; row++) {
          for (let i = 0; i < indices.length; i++) {
            data[row * cols + at + i] = source[row * features.cols + indices[i]!]!;
          }
        }
        at += indices.length;
      }
      return data;
    },
  };
}
