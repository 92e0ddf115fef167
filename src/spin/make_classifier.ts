import { basename } from "node:path";
import type { Dataset } from "../data/dataset.ts";
import { copyDataset } from "../data/make_dataset.ts";
import type { StoreKey } from "../features/store.ts";
import { loadedSha256 } from "../model/files.ts";
import type { Model } from "../model/model.ts";
import { countBlocks, findStates } from "../model/states.ts";
import { SpindleError } from "../util.ts";
import type { Classifier } from "./classifier.ts";
import type { Head } from "./integrate.ts";

/**
 * Makes a classifier of a head: the last stage of an experiment, after {@linkcode chooseHead}.
 *
 * @param model The model whose features the head was fitted to.
 * @param dataset The texts that it was fitted to, which name the classes and the metric.
 * @param head The head.
 * @returns The classifier, for `classify` and `saveClassifier`.
 * @throws {SpindleError} If the head was fitted to features of another model, of another float type
 * of its weights or of another data set, the data set is none that `makeDataset` or `loadDataset`
 * makes, or the model's files changed since it was loaded.
 */
export async function makeClassifier(
  model: Model,
  dataset: Dataset,
  head: Head,
): Promise<Classifier> {
  const { spec, folder, weights } = model;
  const { name, classes, metric, sha256: datasetSha256 } = copyDataset(dataset);
  const { pool, coef, intercept, validation, test, key } = head;
  const modelSha256 = await loadedSha256(model);
  const other = otherThan({ modelSha256, weights, datasetSha256 }, key);
  if (other !== undefined) {
    throw new SpindleError(
      `Cannot make a classifier of "${folder}" (${weights} weights) and "${name}" as the head was ` +
        `fitted to features of ${other}: give that one`,
    );
  }
  const neurons = head.neurons.map(({ state, indices }) => ({ state: state.name, indices }));
  const states = findStates(spec, neurons.map(({ state }) => state));
  return {
    classes,
    model: {
      name: basename(folder),
      sha256: modelSha256,
      folder,
      weights,
      blocks: countBlocks(spec),
    },
    blocksToRun: countBlocks(spec, states),
    pool,
    neurons,
    coef,
    intercept,
    metric,
    validation,
    test,
  };
}

/** What the features of a head are of that is not at hand; undefined where all is. */
function otherThan(
  { modelSha256, weights, datasetSha256 }: Pick<
    StoreKey,
    "modelSha256" | "weights" | "datasetSha256"
  >,
  key: StoreKey | undefined,
): string | undefined {
  if (key === undefined) return "what it does not tell (its key is missing)";
  if (key.modelSha256 !== modelSha256) return "another model";
  if (key.weights !== weights) return `a model with ${key.weights} weights`;
  if (key.datasetSha256 !== datasetSha256) return "another data set";
  return undefined;
}
