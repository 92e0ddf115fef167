import { bySplit, type Dataset, type SplitName, splitNames } from "../data/dataset.ts";
import { copyDataset } from "../data/make_dataset.ts";
import { requirePath } from "../formats/files.ts";
import { captureBatches, orderPools } from "../model/capture.ts";
import { defaultPools } from "../model/default_pools.ts";
import { encodeInTurns } from "../model/encode.ts";
import { loadedSha256 } from "../model/files.ts";
import type { Model } from "../model/model.ts";
import type { Site, StateId } from "../model/states.ts";
import type { Encoding } from "../model/tokenizer.ts";
import type { Pool } from "../ops/pool.ts";
import { SpindleError } from "../util.ts";
import { rememberUse } from "./last_use.ts";
import { SplitWriter } from "./split_writer.ts";
import {
  beginStore,
  type FeatureStore,
  findRicherStore,
  findStore,
  holdsStates,
  missingStates,
  partialBytes,
  stateBytes,
  type StoreKey,
} from "./store.ts";

/** Choices of {@linkcode extractFeatures}. */
export interface ExtractOptions {
  /** Where states are read; default `hidden` and `activation`. */
  readonly sites?: readonly Site[] | undefined;
  /** How a vector is made of the token states of a text; default `defaultPools` of the model. */
  readonly pools?: readonly Pool[] | undefined;
  /** The folder that keeps feature stores. */
  readonly features: string;
  /**
   * Aborted, it ends the work with its reason as the error; the next extraction goes on where this
   * one stopped.
   */
  readonly signal?: AbortSignal | undefined;
  /** Is told before the model runs where the features go and how large they will be. */
  readonly onPlan?: ((plan: ExtractPlan) => void) | undefined;
  /** Is told now and then how many tokens of a split are done. */
  readonly onProgress?: ((split: SplitName, tokens: number, total: number) => void) | undefined;
}

/** What an extraction is about to do. */
export interface ExtractPlan {
  /** Where the features will lie. */
  readonly folder: string;
  /** The bytes of all wanted features. */
  readonly bytes: number;
  /** The bytes that are still missing. */
  readonly missingBytes: number;
}

/** Features on disk, and what making them took. */
export interface Extraction {
  /** Where they lie. */
  readonly store: FeatureStore;
  /** The states that were asked for: stack by stack, site by site, layer by layer. */
  readonly states: readonly StateId[];
  /** The pools that were asked for, in their usual order; the store may hold more. */
  readonly pools: readonly Pool[];
  /** Tokens of the data set. */
  readonly tokens: number;
  /** Tokens that ran through the model in this call. */
  readonly tokensRun: number;
  /** Texts that were longer than the model takes, and lost their ends. */
  readonly truncated: number;
  /** What the stages took. */
  readonly seconds: { readonly tokenize: number; readonly extract: number };
}

/** The sites that are read unless others are chosen. */
export const defaultSites: readonly Site[] = ["hidden", "activation"];

/** Raised when the forward pass or a pool gives other numbers than before. */
const featuresVersion = 1;

/** How long an interruption may throw work away for. */
const checkpointMilliseconds = 3000;

/**
 * Runs a model over a data set and keeps its pooled states on disk. What is there already is not
 * computed again; an interrupted extraction goes on where it stopped.
 *
 * @param model The model, with a tokenizer.
 * @param dataset The texts of all splits.
 * @param options Which states and pools, and where they are kept.
 * @returns Where the features lie, and what making them took.
 * @throws {SpindleError} If the model has no tokenizer or its files changed since it was loaded,
 * the disk has no room or refuses, a text has no tokens, there is no site or pool, or none of that
 * name, or the data set is none that `makeDataset` or `loadDataset` makes.
 */
export async function extractFeatures(
  model: Model,
  dataset: Dataset,
  options: ExtractOptions,
): Promise<Extraction> {
  const { sites = defaultSites, features, onPlan, onProgress, signal } = options;
  const states = model.states(sites);
  const pools = orderPools(options.pools ?? defaultPools(model));
  const data = copyDataset(dataset);
  requirePath("the folder of features", features);
  if (states.length === 0 || pools.length === 0) {
    throw new SpindleError(
      "Cannot extract features without a site and a pool: name one of each at least",
    );
  }
  const key = await keyOf(model, data, pools);
  const { store, missing, bytes, missingBytes, bytesToTake } = await chooseStore(
    features,
    key,
    states,
  );
  const start = performance.now();
  // Before a store is begun, as a text may have no tokens.
  const encodings = await encodeSplits(model, data, signal);
  const tokenized = performance.now();
  beginStore(store, bytesToTake);
  rememberUse(store.folder, { model: model.folder, source: sourceOf(data) });
  onPlan?.({ folder: store.folder, bytes, missingBytes });

  let tokensRun = 0;
  for (const { split, states } of missing) {
    if (states.length === 0) continue;
    tokensRun += await extractSplit(model, store, split, states, encodings[split].ids, {
      onProgress,
      signal,
    });
  }
  const encoded = splitNames.map((split) => encodings[split]);
  return {
    store,
    states,
    pools,
    tokens: encoded.reduce((sum, { ids }) => sum + countTokens(ids), 0),
    tokensRun,
    truncated: encoded.reduce((sum, { truncated }) => sum + truncated, 0),
    seconds: {
      tokenize: (tokenized - start) / 1000,
      extract: (performance.now() - tokenized) / 1000,
    },
  };
}

/**
 * The store for some states, what of them it lacks, and the bytes of both. Of what is missing an
 * interrupted run may have taken some of the disk already: the rest is `bytesToTake`.
 */
async function chooseStore(features: string, key: StoreKey, states: readonly StateId[]) {
  const own = await findStore(features, key);
  const store = holdsStates(own, states) ? own : findRicherStore(features, key, states) ?? own;
  const missing = splitNames.map((split) => ({
    split,
    states: missingStates(store, split, states),
  }));
  const bytesOf = (split: SplitName, list: readonly StateId[]) =>
    list.reduce((sum, state) => sum + stateBytes(own, split, state), 0);
  const bytes = splitNames.reduce((sum, split) => sum + bytesOf(split, states), 0);
  const missingBytes = missing.reduce((sum, { split, states }) => sum + bytesOf(split, states), 0);
  const partial = missing.flatMap(({ split, states }) =>
    states.map((state) => partialBytes(store, split, state))
  );
  const bytesToTake = missingBytes - partial.reduce((sum, bytes) => sum + bytes, 0);
  return { store, missing, bytes, missingBytes, bytesToTake };
}

/** Where texts come from, for people to read. */
function sourceOf({ name, origin }: Dataset): string {
  return origin && "train" in origin.source ? origin.source.train : name;
}

async function keyOf(model: Model, data: Dataset, pools: readonly Pool[]): Promise<StoreKey> {
  return {
    version: featuresVersion,
    modelSha256: await loadedSha256(model),
    datasetSha256: data.sha256,
    weights: model.weights,
    adapter: model.gpu.adapter.description,
    pools,
    rows: bySplit((split) => data[split].texts.length),
  };
}

async function encodeSplits(
  model: Model,
  data: Dataset,
  signal: AbortSignal | undefined,
): Promise<Record<SplitName, Encoding>> {
  return {
    train: await encodeSplit(model, data, "train", signal),
    validation: await encodeSplit(model, data, "validation", signal),
    test: await encodeSplit(model, data, "test", signal),
  };
}

async function encodeSplit(
  model: Model,
  dataset: Dataset,
  split: SplitName,
  signal: AbortSignal | undefined,
): Promise<Encoding> {
  const { texts, places } = dataset[split];
  const encoding = await encodeInTurns(model, texts, signal);
  const empty = encoding.ids.findIndex((ids) => ids.length === 0);
  if (empty >= 0) {
    const what = places === undefined
      ? `text ${empty + 1} of the ${split} split of "${dataset.name}"`
      : `line ${places.lines[empty]} of "${places.path}"`;
    throw new SpindleError(`Cannot run ${what} as the model has no tokens for it: leave it out`);
  }
  return encoding;
}

async function extractSplit(
  model: Model,
  store: FeatureStore,
  split: SplitName,
  states: readonly StateId[],
  sentences: readonly number[][],
  { onProgress, signal }: Pick<ExtractOptions, "onProgress" | "signal">,
): Promise<number> {
  using writer = new SplitWriter(store, split, states);
  const total = countTokens(sentences);
  let done = countTokens(sentences.slice(0, writer.rows));
  let run = 0;
  let saved = performance.now();
  let saving = Promise.resolve();
  onProgress?.(split, done, total);
  const rest = sentences.slice(writer.rows);
  try {
    for await (const batch of captureBatches(model, rest, states, store.key.pools, signal)) {
      writer.write(batch.states.map(({ values }) => values), batch.count);
      done += batch.tokens;
      run += batch.tokens;
      if (performance.now() - saved > checkpointMilliseconds) {
        await saving;
        saving = writer.checkpoint();
        saving.catch(() => {}); // it is awaited at the next one, or at the end
        saved = performance.now();
      }
      onProgress?.(split, done, total);
    }
  } catch (error) {
    // The next extraction goes on here; why this one ended is told, whatever else fails.
    await saving.catch(() => {});
    await writer.checkpoint().catch(() => {});
    throw error;
  }
  await saving;
  await writer.finish();
  return run;
}

function countTokens(sentences: readonly (readonly number[])[]): number {
  return sentences.reduce((sum, ids) => sum + ids.length, 0);
}
