import type { Dataset, SplitName } from "../data/dataset.ts";
import { copyDataset } from "../data/make_dataset.ts";
import { extractFeatures, type ExtractOptions } from "../features/extract.ts";
import type { Model } from "../model/model.ts";
import { chooseHead } from "./choose.ts";
import type { Classifier } from "./classifier.ts";
import { type Head, integrate } from "./integrate.ts";
import { makeClassifier } from "./make_classifier.ts";
import { defaultC, fitProbes, orderC, type StateProbes } from "./probes.ts";
import { completeChoices, type SolverChoices } from "./regressions.ts";
import { type Results, resultsOf } from "./results.ts";
import { copyEtas, defaultEtas } from "./select.ts";

/** Choices of {@linkcode runExperiment}. */
export interface ExperimentOptions extends SolverChoices, Omit<ExtractOptions, "onProgress"> {
  /** The values of C of the probes, and of the heads; default 0.1, 0.2, 1, 10 and 100. */
  readonly C?: readonly number[] | undefined;
  /** The shares of each layer's saliency, in (0, 1]; default ten from 0.001 to 0.8. */
  readonly etas?: readonly number[] | undefined;
  /** Is told how far a stage is; a stage ends when the next begins. */
  readonly onProgress?: ((stage: Stage, done: number, total: number) => void) | undefined;
}

/** What an experiment is at. */
export type Stage = `extract ${SplitName}` | "probe" | "integrate";

/** All that an experiment made. */
export interface Experiment {
  /** The chosen classifiers and their scores. */
  readonly results: Results;
  /** The chosen head, ready to use. */
  readonly classifier: Classifier;
  /** Every probe. */
  readonly probes: readonly StateProbes[];
  /** Every head. */
  readonly heads: readonly Head[];
}

/**
 * Runs SPIN: extracts features, fits the probes, selects neurons, fits the heads and chooses one
 * by its validation score.
 *
 * @param model The model, with a tokenizer.
 * @param dataset The texts of all splits.
 * @param options Where features are kept, what is read and fitted, and who is told how far that is.
 * @returns The chosen classifier with its scores, and every probe and head.
 * @throws {SpindleError} Before the work, if a choice or the data set is not as it should be; else
 * as {@linkcode extractFeatures}, {@linkcode fitProbes} and {@linkcode integrate} do.
 */
export async function runExperiment(
  model: Model,
  dataset: Dataset,
  options: ExperimentOptions,
): Promise<Experiment> {
  const { sites, pools, features, onPlan, onProgress, signal, ...others } = options;
  const { C: givenC = defaultC, etas: givenEtas = defaultEtas, ...solver } = others;
  const [C, etas] = [orderC(givenC), copyEtas(givenEtas)];
  const choices = completeChoices(solver);
  const data = copyDataset(dataset);
  const extraction = await extractFeatures(model, data, {
    sites,
    pools,
    features,
    signal,
    onPlan,
    onProgress: (split, done, total) => onProgress?.(`extract ${split}`, done, total),
  });
  const { store, states } = extraction;
  const start = performance.now();
  const probes = await fitProbes(model.gpu, store, data, {
    states,
    pools: extraction.pools,
    C,
    ...choices,
    signal,
    onProgress: (done, total) => onProgress?.("probe", done, total),
  });
  const probed = performance.now();
  const heads = await integrate(model.gpu, store, data, probes, {
    C,
    etas,
    ...choices,
    signal,
    onProgress: (done, total) => onProgress?.("integrate", done, total),
  });
  const integrated = performance.now();
  const head = chooseHead(heads);
  const classifier = await makeClassifier(model, data, head);
  const seconds = { probe: (probed - start) / 1000, integrate: (integrated - probed) / 1000 };
  const made = { extraction, C, etas, probes, heads, head, classifier, seconds };
  return { results: resultsOf(model, data, choices, made), classifier, probes, heads };
}
