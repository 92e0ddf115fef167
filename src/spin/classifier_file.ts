import { requirePath } from "../formats/files.ts";
import { isJsonObject, parsedOrUndefined } from "../formats/json.ts";
import { type NewFile, replaceFiles } from "../formats/replace.ts";
import {
  openSafetensors,
  readFloats,
  readIntegers,
  safetensorsFile,
  type TensorData,
} from "../formats/safetensors.ts";
import { SpindleError } from "../util.ts";
import { type Classifier, misfitOf } from "./classifier.ts";

const format = "spindle-classifier-1";

/**
 * Writes a classifier as one safetensors file that describes itself.
 *
 * @throws {SpindleError} If its parts do not fit together, or the file cannot be written.
 */
export function saveClassifier(path: string, classifier: Classifier): void {
  replaceFiles([classifierFile(path, classifier)]);
}

/**
 * A classifier's file, to be written together with others.
 *
 * @throws {SpindleError} If its parts do not fit together.
 */
export function classifierFile(path: string, classifier: Classifier): NewFile {
  const misfit = misfitOf(classifier);
  if (misfit !== undefined) {
    throw new SpindleError(`Cannot save a classifier to "${path}" as ${misfit}`);
  }
  const { coef, intercept, neurons, ...rest } = classifier;
  const K = intercept.length;
  const tensors = new Map<string, TensorData>([
    ["coef", { dtype: "F32", shape: [K, coef.length / K], data: coef }],
    ["intercept", { dtype: "F32", shape: [K], data: intercept }],
    ...neurons.map(({ state, indices }): [string, TensorData] => [
      `neurons.${state}`,
      { dtype: "I32", shape: [indices.length], data: new Int32Array(indices) },
    ]),
  ]);
  const states = neurons.map(({ state }) => state);
  const description = JSON.stringify({ ...rest, states });
  return safetensorsFile(path, tensors, { format, classifier: description });
}

/**
 * Reads a classifier that `spindle run` or {@linkcode saveClassifier} wrote.
 *
 * @param path The safetensors file.
 * @returns The classifier.
 * @throws {SpindleError} If the file is not a classifier, or not whole.
 */
export function loadClassifier(path: string): Classifier {
  requirePath("a classifier", path);
  using file = openSafetensors(path);
  const text = file.metadata.get("classifier");
  if (file.metadata.get("format") !== format || text === undefined) {
    throw new SpindleError(
      `Cannot use "${path}" as a classifier: it was not written by "spindle run"`,
    );
  }
  const refuse = (reason: string) =>
    new SpindleError(
      `Cannot use "${path}" as a classifier as ${reason}: run "spindle run" again`,
    );
  const description = parsedOrUndefined(text);
  if (!isDescription(description)) throw refuse("its description is broken");
  const { states, ...rest } = description;
  const classifier: Classifier = {
    ...rest,
    neurons: states.map((state) => ({
      state,
      indices: new Uint32Array(readIntegers(file, `neurons.${state}`)),
    })),
    coef: readFloats(file, "coef"),
    intercept: readFloats(file, "intercept"),
  };
  const misfit = misfitOf(classifier);
  if (misfit !== undefined) throw refuse(misfit);
  return classifier;
}

/** What a classifier's file says of it beside its tensors. */
type Description = Omit<Classifier, "coef" | "intercept" | "neurons"> & {
  readonly states: readonly string[];
};

/** Whether it can be made a classifier, whose parts are then looked at. */
function isDescription(value: unknown): value is Description {
  return isJsonObject(value) && Array.isArray(value.states) &&
    value.states.every((state) => typeof state === "string");
}
