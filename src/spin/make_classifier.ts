import { basename } from "node:path";
import type { Dataset } from "../data/dataset.ts";
import { loadedSha256 } from "../model/files.ts";
import type { Model } from "../model/model.ts";
import { countBlocks, findStates } from "../model/states.ts";
import type { Classifier } from "./classifier.ts";
import type { Head } from "./integrate.ts";

/**
 * Makes a classifier of a head: the last stage of an experiment, after {@linkcode chooseHead}.
 *
 * @param model The model whose features the head was fitted to.
 * @param dataset The texts that it was fitted to, which name the classes and the metric.
 * @param head The head.
 * @returns The classifier, for `classify` and `saveClassifier`.
 * @throws {SpindleError} If the model lacks a state of the head, or its files changed since it was
 * loaded.
 */
export async function makeClassifier(
  model: Model,
  dataset: Dataset,
  head: Head,
): Promise<Classifier> {
  const { spec, folder, weights } = model;
  const { pool, coef, intercept, validation, test } = head;
  const neurons = head.neurons.map(({ state, indices }) => ({ state: state.name, indices }));
  const states = findStates(spec, neurons.map(({ state }) => state));
  return {
    classes: dataset.classes,
    model: {
      name: basename(folder),
      sha256: await loadedSha256(model),
      folder,
      weights,
      blocks: countBlocks(spec),
    },
    blocksToRun: countBlocks(spec, states),
    pool,
    neurons,
    coef,
    intercept,
    metric: dataset.metric,
    validation,
    test,
  };
}
