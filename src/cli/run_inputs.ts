import { resolve } from "node:path";
import type { DatasetOrigin } from "../data/dataset.ts";
import { defaultColumns } from "../data/labelled_file.ts";
import { exists, readUtf8 } from "../formats/files.ts";
import { isJsonObject, type JsonObject, parsedOrUndefined } from "../formats/json.ts";
import { resultsPath } from "../spin/save.ts";
import { SpindleError } from "../util.ts";

/** What a run reads, by the names of its options: absolute paths, columns, a bundled data set. */
type RunInputs = JsonObject;

/**
 * Makes sure that a folder holds no results of a run that read something else. One that does not
 * tell is taken for a run's of the same inputs.
 *
 * @param model The folder of the model.
 * @throws {SpindleError} If it does.
 */
export function requireSameInputs(
  folder: string,
  model: string,
  source: DatasetOrigin["source"],
): void {
  const before = inputsOfResults(resultsPath(folder));
  if (!before) return;
  const inputs = inputsOf(model, { ...source });
  const other = Object.keys({ ...before, ...inputs }).find((name) => before[name] !== inputs[name]);
  if (other === undefined) return;
  const what = before[other] === undefined
    ? `without --${other}`
    : `with --${other} ${JSON.stringify(before[other])}`;
  throw new SpindleError(
    `Cannot write results to "${folder}" as it holds those of a run ${what}: pass --out FOLDER`,
  );
}

function inputsOfResults(path: string): RunInputs | undefined {
  const results = exists(path) ? parsedOrUndefined(readUtf8(path)) : undefined;
  if (!isJsonObject(results)) return undefined;
  const { model, dataset } = results;
  if (!isJsonObject(model) || !isJsonObject(dataset) || !isJsonObject(dataset.origin)) {
    return undefined;
  }
  const { source } = dataset.origin;
  return isJsonObject(source) ? inputsOf(model.folder, source) : undefined;
}

function inputsOf(model: unknown, source: JsonObject): RunInputs {
  const absolute = (path: unknown) => typeof path === "string" ? resolve(path) : path;
  const all: JsonObject = { ...defaultColumns, ...source };
  const { name, text, label, ...files } = all;
  if (name !== undefined) return { model: absolute(model), dataset: name };
  const paths = Object.entries({ model, ...files }).map(([name, path]) => [name, absolute(path)]);
  return { ...Object.fromEntries(paths), text, label };
}
