import { resolve } from "node:path";
import { exists, requirePath } from "../formats/files.ts";
import type { Gpu } from "../gpu/device.ts";
import { loadedSha256, stampFiles } from "../model/files.ts";
import { loadModel } from "../model/load.ts";
import type { Model } from "../model/model.ts";
import { SpindleError } from "../util.ts";
import type { Classifier } from "./classifier.ts";

/**
 * Loads the model that a classifier was made from: of its blocks only those that the classifier's
 * states need, in the float type with which it was made.
 *
 * @param gpu Where the weights go.
 * @param classifier The classifier.
 * @param folder Where the model lies; default where it lay when the classifier was made.
 * @returns The model; dispose it when done.
 * @throws {SpindleError} If the folder holds another model or none, or as `loadModel` does.
 */
export async function loadClassifierModel(
  gpu: Gpu,
  classifier: Classifier,
  folder?: string,
): Promise<Model> {
  const { neurons, model } = classifier;
  const from = folder ?? model.folder;
  const digest = await (folder === undefined ? ownSha256(classifier) : sha256In(folder));
  requireSame(classifier, from, digest);
  return await loadModel(gpu, from, {
    states: neurons.map(({ state }) => state),
    weights: model.weights ?? "f32",
  });
}

/**
 * Makes sure that a model is the one that a classifier was made from: another of the same shape
 * gives numbers that mean nothing.
 *
 * @throws {SpindleError} If it is another, or its files changed before they were hashed.
 */
export async function requireModelOf(classifier: Classifier, model: Model): Promise<void> {
  requireSame(classifier, model.folder, await loadedSha256(model));
}

const advice = "pass the folder of that one (--model FOLDER on the command line)";

function requireSame({ model }: Classifier, folder: string, digest: string): void {
  if (digest === model.sha256) return;
  throw new SpindleError(
    `Cannot classify with the model "${folder}" as the classifier was made from another ` +
      `(${model.name}, SHA-256 ${model.sha256.slice(0, 12)}…): ${advice}`,
  );
}

/**
 * The digest of the model that a classifier remembers. Where the folder is there, why it cannot be
 * read is told as it is: another folder would not help.
 */
async function ownSha256({ model: { name, folder } }: Classifier): Promise<string> {
  if (exists(folder)) return await sha256In(folder);
  throw new SpindleError(
    `Cannot classify as the classifier's model (${name}) cannot be read from "${folder}" any ` +
      `more: ${advice}`,
  );
}

async function sha256In(folder: string): Promise<string> {
  requirePath("the folder of a model", folder);
  return await loadedSha256({ folder: resolve(folder), stamp: stampFiles(folder) });
}
