/**
 * Spindle finds the few neurons inside a language model that already know the answer, and makes a
 * fast, explainable text classifier from them: SPIN (Jiao et al., Findings of ACL 2024) on WebGPU.
 *
 * @module
 */

export { type AdapterDescription, Gpu, type MatrixStorage } from "./src/gpu/device.ts";
export { type GpuOptions, requestGpu } from "./src/gpu/request.ts";
export type { Precision } from "./src/gpu/precision.ts";
export { type Pool, pools } from "./src/ops/pool.ts";
export { type Site, sites, type StateId } from "./src/model/states.ts";
export {
  type Capture,
  type CapturedValues,
  type CaptureOptions,
  loadModel,
  Model,
  type ModelOptions,
} from "./src/model/model.ts";
export type { Encoding, Tokenizer } from "./src/model/tokenizer.ts";
export { type MemoryNeeded, memoryNeeded, type MemoryOptions } from "./src/model/memory.ts";
export { defaultPools } from "./src/model/default_pools.ts";
export { type TensorDifference, type Verification, verifyModel } from "./src/model/verify.ts";
export {
  type Dataset,
  type DatasetFiles,
  type DatasetOptions,
  type DatasetOrigin,
  loadDataset,
  type Split,
} from "./src/data/dataset.ts";
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
  type SplitName,
  splitNames,
  type StoreKey,
} from "./src/features/store.ts";
export { fitLogistic, type LogisticModel, type LogisticOptions } from "./src/probe/logistic.ts";
export type { Certificate, Scale } from "./src/probe/fit.ts";
export { fitProbes, type ProbeOptions, type StateProbes } from "./src/spin/probes.ts";
export type {
  Iterate,
  Regression,
  RegressionRequest,
  SolverChoices,
  Stop,
} from "./src/spin/regressions.ts";
export { selectNeurons } from "./src/spin/select.ts";
export { type Head, integrate, type IntegrateOptions } from "./src/spin/integrate.ts";
export { chooseBaseline, chooseHead, chooseProbe } from "./src/spin/choose.ts";
export {
  type Classifier,
  classify,
  type ClassifyOptions,
  loadClassifier,
  type Prediction,
  saveClassifier,
} from "./src/spin/classifier.ts";
export { loadClassifierModel } from "./src/spin/classifier_model.ts";
export {
  type Experiment,
  type ExperimentOptions,
  type HeadResult,
  type ProbeResult,
  type Results,
  runExperiment,
  type Scores,
  type Stage,
} from "./src/spin/experiment.ts";
export { saveExperiment } from "./src/spin/save.ts";
export { SpindleError } from "./src/util.ts";
