import {
  beginStore,
  type FeatureStore,
  findStore,
  type StoreKey,
} from "../../src/features/store.ts";
import type { StateId } from "../../src/model/states.ts";

/** The states and the key of a small store. */
export const states: StateId[] = [
  { name: "hidden.0", stack: 0, site: "hidden", layer: 0, width: 3 },
  { name: "activation.0", stack: 0, site: "activation", layer: 0, width: 5 },
];
export const key: StoreKey = {
  version: 1,
  modelSha256: "m",
  datasetSha256: "d",
  weights: "f32",
  adapter: "a",
  pools: ["max", "mean"],
  rows: { train: 7, validation: 2, test: 1 },
};

/** Rows `start` to `end` of a pool: every number tells where it belongs. */
export function values(start: number, end: number): Float32Array[][] {
  return states.map(({ width }) =>
    key.pools.map((_, pool) =>
      Float32Array.from(
        { length: (end - start) * width },
        (_, i) => 1000 * pool + 10 * (start + Math.floor(i / width)) + i % width,
      )
    )
  );
}

/** Opens a store, or begins one. */
export async function openStore(parent: string, key: StoreKey): Promise<FeatureStore> {
  const store = await findStore(parent, key);
  beginStore(store, 0);
  return store;
}
