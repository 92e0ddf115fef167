import config from "../../deno.json" with { type: "json" };
import type { Dataset, DatasetOrigin } from "../data/dataset.ts";
import type { Metric } from "../data/registry.ts";
import type { Extraction } from "../features/extract.ts";
import type { AdapterDescription } from "../gpu/device.ts";
import type { Precision } from "../gpu/precision.ts";
import type { Model } from "../model/model.ts";
import { countBlocks, type Site } from "../model/states.ts";
import type { Pool } from "../ops/pool.ts";
import { chooseBaseline, chooseProbe } from "./choose.ts";
import type { Classifier } from "./classifier.ts";
import type { Head } from "./integrate.ts";
import { majorityClass, score } from "./metrics.ts";
import type { StateProbes } from "./probes.ts";
import type { CompleteChoices, Regression } from "./regressions.ts";
import { countNeurons } from "./select.ts";

/** Validation and test score. */
export interface Scores {
  /** Of the validation split. */
  readonly validation: number;
  /** Of the test split. */
  readonly test: number;
}

/**
 * The results of an experiment, and all that it takes to repeat it. `spindle run` writes them to
 * `results.json`, without what the stages took; `--json` prints them whole, and where the
 * classifier lies.
 */
export interface Results {
  /** The version of Spindle. */
  readonly version: string;
  /** The model, and the float type of its weights on the GPU. */
  readonly model: {
    readonly name: string;
    readonly folder: string;
    readonly sha256: string;
    readonly family: string;
    readonly blocks: number;
    readonly width: number;
    readonly ffn: number;
    readonly weights: Precision;
  };
  /** The data set: texts of each split, and how it was loaded, null where it was made otherwise. */
  readonly dataset: {
    readonly name: string;
    readonly sha256: string;
    readonly metric: Metric;
    readonly classes: readonly string[];
    readonly train: number;
    readonly validation: number;
    readonly test: number;
    readonly origin: DatasetOrigin | null;
  };
  /** What it ran on. */
  readonly adapter: AdapterDescription;
  /** Where neurons were read. */
  readonly sites: readonly Site[];
  /** How a vector was made of the token states of a text. */
  readonly pools: readonly Pool[];
  /** The values of C of the probes, and of the heads. */
  readonly C: readonly number[];
  /** The shares of each layer's saliency that heads read. */
  readonly etas: readonly number[];
  /** Scores of the class that is most common in training; of several the first. */
  readonly majority: Scores;
  /**
   * The best probe on the last hidden state; without hidden states, on the last that was read. Of
   * equals {@linkcode chooseBaseline} says which.
   */
  readonly baseline: ProbeResult;
  /** The best probe on any state; of equals {@linkcode chooseProbe} says which. */
  readonly bestLayer: ProbeResult;
  /** The best head; of equals {@linkcode chooseHead} says which. */
  readonly spin: HeadResult;
  /** Neurons in all layers of the chosen head's site, which it could have read. */
  readonly neuronsOfSite: number;
  /** What the solver was asked for, how many regressions were fitted, and how exactly. */
  readonly solver: CompleteChoices & {
    readonly probes: number;
    readonly heads: number;
    readonly converged: number;
    readonly worstGap: number;
  };
  /** What the stages took. */
  readonly seconds: Readonly<Record<"tokenize" | "extract" | "probe" | "integrate", number>>;
  /** Tokens of all splits. */
  readonly tokens: number;
  /** Texts that were longer than the model takes, and lost their ends. */
  readonly truncated: number;
  /** Tokens a second in this extraction; null where the features were there. */
  readonly tokensPerSecond: number | null;
}

/** The result of one probe. */
export interface ProbeResult extends Scores {
  /** Where it reads. */
  readonly site: Site;
  /** The index of the state at its site. */
  readonly layer: number;
  /** The state's name. */
  readonly state: string;
  /** How the states are pooled. */
  readonly pool: Pool;
  /** The inverse strength of the penalty. */
  readonly C: number;
}

/** The result of one head. */
export interface HeadResult extends Scores {
  /** Where it reads. */
  readonly site: Site;
  /** How the states are pooled. */
  readonly pool: Pool;
  /** The share of each layer's saliency. */
  readonly eta: number;
  /** How many layers it reads, from the first. */
  readonly layers: number;
  /** How many neurons it reads. */
  readonly neurons: number;
  /** The inverse strength of the penalty. */
  readonly C: number;
}

/** What the results of an experiment are drawn from. */
interface Made {
  readonly extraction: Extraction;
  readonly C: readonly number[];
  readonly etas: readonly number[];
  readonly probes: readonly StateProbes[];
  readonly heads: readonly Head[];
  /** The chosen one. */
  readonly head: Head;
  readonly classifier: Classifier;
  /** What the stages after the extraction took. */
  readonly seconds: Pick<Results["seconds"], "probe" | "integrate">;
}

/** Sums up an experiment. */
export function resultsOf(
  model: Model,
  dataset: Dataset,
  choices: CompleteChoices,
  { extraction, C, etas, probes, heads, head, classifier, seconds }: Made,
): Results {
  const { states, pools, tokens, tokensRun, truncated } = extraction;
  return {
    version: config.version,
    ...describe(model, classifier, dataset),
    sites: [...new Set(states.map(({ site }) => site))],
    pools,
    C,
    etas,
    majority: majorityScores(dataset),
    baseline: probeResult(chooseBaseline(probes)),
    bestLayer: probeResult(chooseProbe(probes)),
    spin: headResult(head),
    neuronsOfSite: states.filter(({ site }) => site === head.site)
      .reduce((sum, { width }) => sum + width, 0),
    solver: { ...choices, ...solverResult(probes, heads) },
    seconds: { ...extraction.seconds, ...seconds },
    tokens,
    truncated,
    tokensPerSecond: tokensRun > 0 ? tokensRun / extraction.seconds.extract : null,
  };
}

function describe(
  model: Model,
  classifier: Classifier,
  dataset: Dataset,
): Pick<Results, "model" | "dataset" | "adapter"> {
  const { spec, gpu, weights } = model;
  const { name, sha256, metric, classes, train, validation, test, origin = null } = dataset;
  return {
    model: {
      name: classifier.model.name,
      folder: classifier.model.folder,
      sha256: classifier.model.sha256,
      family: spec.family,
      blocks: countBlocks(spec),
      width: spec.width,
      ffn: spec.ffnWidth,
      weights,
    },
    dataset: {
      name,
      sha256,
      metric,
      classes,
      train: train.texts.length,
      validation: validation.texts.length,
      test: test.texts.length,
      origin,
    },
    adapter: gpu.adapter,
  };
}

function majorityScores({ metric, classes, train, validation, test }: Dataset): Scores {
  const guess = majorityClass(train.labels, classes.length);
  const scoreOf = ({ labels }: { labels: Int32Array }) =>
    score(metric, new Int32Array(labels.length).fill(guess), labels, classes.length);
  return { validation: scoreOf(validation), test: scoreOf(test) };
}

function probeResult({ state, pool, best }: StateProbes): ProbeResult {
  const { site, layer, name } = state;
  const { C, validation, test } = best;
  return { site, layer, state: name, pool, C, validation, test };
}

function headResult(head: Head): HeadResult {
  const { site, pool, eta, layers, C, validation, test } = head;
  return { site, pool, eta, layers, neurons: countNeurons(head), C, validation, test };
}

function solverResult(probes: readonly StateProbes[], heads: readonly Head[]) {
  const fits: Regression[] = [...probes.flatMap(({ probes }) => probes), ...heads];
  return {
    probes: fits.length - heads.length,
    heads: heads.length,
    converged: fits.filter(({ stop }) => stop === "converged").length,
    worstGap: fits.reduce((worst, { gap }) => Math.max(worst, gap), 0),
  };
}
