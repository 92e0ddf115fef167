import {
  beginStore,
  type FeatureStore,
  findStore,
  type StoreKey,
} from "../../src/features/store.ts";

/** Opens a store, or begins one. */
export async function openStore(parent: string, key: StoreKey): Promise<FeatureStore> {
  const store = await findStore(parent, key);
  beginStore(store, 0);
  return store;
}
