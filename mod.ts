/**
 * Spindle finds the few neurons inside a language model that already know the answer, and makes a
 * fast, explainable text classifier from them: SPIN (Jiao et al., Findings of ACL 2024) on WebGPU.
 *
 * {@linkcode runExperiment} does the whole job. Its stages one by one, at a small part of the data:
 *
 * @example
 * ```ts
 * import {
 *   chooseHead,
 *   classify,
 *   extractFeatures,
 *   fitProbes,
 *   integrate,
 *   loadDataset,
 *   loadModel,
 *   makeClassifier,
 *   requestGpu,
 * } from "spindle";
 *
 * using gpu = await requestGpu();
 * using model = await loadModel(gpu, "models/all-MiniLM-L6-v2");
 * const dataset = await loadDataset({ name: "mr" }, { limit: 40 });
 * const pools = ["mean"] as const;
 * const features = await Deno.makeTempDir();
 *
 * // The pooled states of every text, then a probe on each state and C.
 * const choice = { sites: ["hidden"], pools, features } as const;
 * const { store, states } = await extractFeatures(model, dataset, choice);
 * const probes = await fitProbes(gpu, store, dataset, { states, pools });
 * // The neurons that each layer's best probe finds salient, and heads on those of the first ones.
 * const heads = await integrate(gpu, store, dataset, probes, { etas: [0.1, 0.5] });
 * const classifier = await makeClassifier(model, dataset, chooseHead(heads));
 *
 * const [prediction] = await classify(classifier, model, ["a joy from start to finish"]);
 * console.log(prediction!.label, prediction!.probability);
 * await Deno.remove(features, { recursive: true });
 * ```
 *
 * @module
 */

export { type AdapterDescription, Gpu, type MatrixStorage } from "./src/gpu/device.ts";
export type { GpuOptions } from "./src/gpu/request.ts";
export { requestGpu } from "./src/tuning/request.ts";
export type { Precision } from "./src/gpu/precision.ts";
export { type Pool, pools } from "./src/ops/pool.ts";
export { type Site, sites, type StateId } from "./src/model/states.ts";
export {
  type Capture,
  type CapturedValues,
  type CaptureOptions,
  Model,
} from "./src/model/model.ts";
export { loadModel, type ModelOptions } from "./src/model/load.ts";
export type { Encoding, Tokenizer } from "./src/model/tokenizer.ts";
export { type MemoryNeeded, memoryNeeded, type MemoryOptions } from "./src/model/memory.ts";
export { defaultPools } from "./src/model/default_pools.ts";
export { type TensorDifference, type Verification, verifyModel } from "./src/model/verify.ts";
export {
  type Dataset,
  type DatasetFiles,
  type DatasetOrigin,
  type Split,
  type SplitName,
  splitNames,
  type TextPlaces,
} from "./src/data/dataset.ts";
export { type DatasetOptions, loadDataset } from "./src/data/load_dataset.ts";
export { type DatasetContent, type LabelledTexts, makeDataset } from "./src/data/make_dataset.ts";
export type { Metric } from "./src/data/registry.ts";
export {
  extractFeatures,
  type Extraction,
  type ExtractOptions,
  type ExtractPlan,
} from "./src/features/extract.ts";
export {
  type Features,
  type FeatureStore,
  readFeatures,
  type StoreKey,
} from "./src/features/store.ts";
export { fitLogistic, type LogisticModel, type LogisticOptions } from "./src/probe/logistic.ts";
export { type LogisticPredictions, predictLogistic } from "./src/spin/predict_logistic.ts";
export type { Certificate, Scale, StopReason } from "./src/probe/fit.ts";
export { fitProbes, type ProbeOptions, type StateProbes } from "./src/spin/probes.ts";
export type {
  CompleteChoices,
  Iterate,
  Regression,
  SolverChoices,
} from "./src/spin/regressions.ts";
export { selectNeurons } from "./src/spin/select.ts";
export { type Head, integrate, type IntegrateOptions } from "./src/spin/integrate.ts";
export { chooseBaseline, chooseHead, chooseProbe } from "./src/spin/choose.ts";
export { makeClassifier } from "./src/spin/make_classifier.ts";
export type { Classifier } from "./src/spin/classifier.ts";
export { loadClassifier, saveClassifier } from "./src/spin/classifier_file.ts";
export { classify, type Prediction } from "./src/spin/classify.ts";
export type { ClassifyOptions } from "./src/spin/read_neurons.ts";
export { loadClassifierModel } from "./src/spin/classifier_model.ts";
export { explain, type ExplainedNeuron, type Explanation } from "./src/spin/explain.ts";
export {
  type Experiment,
  type ExperimentOptions,
  runExperiment,
  type Stage,
} from "./src/spin/experiment.ts";
export type { HeadResult, ProbeResult, Results, Scores } from "./src/spin/results.ts";
export { saveExperiment } from "./src/spin/save.ts";
export { SpindleError } from "./src/util.ts";
