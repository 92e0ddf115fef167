import { resolve } from "node:path";
import type { DatasetOrigin } from "../data/dataset.ts";
import { defaultColumns } from "../data/labelled_file.ts";
import { isJsonObject, type JsonObject, readJsonObject } from "../formats/json.ts";
import { loadedSha256, stampFiles } from "../model/files.ts";
import { resultsPath } from "../spin/save.ts";
import { SpindleError } from "../util.ts";

/**
 * Makes sure that a folder holds no results of another model or of other data. Results that do not
 * tell are taken for those of the same.
 *
 * @param model The folder of the model.
 * @throws {SpindleError} If it does.
 */
export async function requireSameInputs(
  folder: string,
  model: string,
  source: DatasetOrigin["source"],
): Promise<void> {
  const before = inputsIn(resultsPath(folder));
  if (!before) return;
  const sha256 = await loadedSha256({ folder: resolve(model), stamp: stampFiles(model) });
  const other = before.model.sha256 === sha256
    ? otherData(dataOf(before.source), dataOf({ ...source }))
    : `with the model ${JSON.stringify(before.model.folder)}`;
  if (other === undefined) return;
  throw new SpindleError(
    `Cannot write results to "${folder}" as it holds those of a run ${other}: pass --out FOLDER`,
  );
}

/** What the run of some results read; undefined where they do not tell. */
function inputsIn(path: string) {
  let results: JsonObject;
  try {
    results = readJsonObject(path);
  } catch {
    return undefined;
  }
  const { model, dataset } = results;
  const origin = isJsonObject(dataset) ? dataset.origin : undefined;
  const source = isJsonObject(origin) ? origin.source : undefined;
  return isJsonObject(model) && isJsonObject(source) ? { model, source } : undefined;
}

/** Data by the names of the options: a bundled data set, or paths and columns. */
function dataOf(source: JsonObject): JsonObject {
  const all: JsonObject = { ...defaultColumns, ...source };
  return all.name === undefined ? all : { dataset: all.name };
}

/** In what the data before differed, as an option; undefined where in nothing. */
function otherData(before: JsonObject, data: JsonObject): string | undefined {
  const other = Object.keys({ ...before, ...data }).find((name) => before[name] !== data[name]);
  if (other === undefined) return undefined;
  return before[other] === undefined
    ? `without --${other}`
    : `with --${other} ${JSON.stringify(before[other])}`;
}
