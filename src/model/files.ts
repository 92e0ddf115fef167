import { createHash } from "node:crypto";
import { join } from "node:path";
import { exists, lookAt, openForReading } from "../formats/files.ts";
import { weightFiles } from "../formats/safetensors.ts";
import { SpindleError } from "../util.ts";

/**
 * Makes sure that a model is given by a folder: newcomers give a name, in the hope of a download.
 *
 * @throws {SpindleError} If there is no such folder, or it cannot be looked at.
 */
export function requireModelFolder(folder: string): void {
  if (typeof folder === "string" && lookAt(folder)?.isDirectory) return;
  throw new SpindleError(
    `Cannot load a model from "${folder}" as it is no folder: give one that holds a model, such as ` +
      '"hf download NAME --local-dir FOLDER" makes',
  );
}

/**
 * The files that decide a model's states: configuration, tokenizer and weights, by name.
 *
 * @throws {SpindleError} If the folder holds no model.
 */
function modelFiles(folder: string): string[] {
  requireModelFolder(folder);
  const settings = ["config.json", "tokenizer.json", "tokenizer_config.json"]
    .filter((name) => exists(join(folder, name)));
  return [...settings, ...weightFiles(folder)].sort();
}

/**
 * SHA-256 of the files that decide a model's states.
 *
 * @throws {SpindleError} If the folder holds no model, or a file cannot be read.
 */
export async function modelSha256(folder: string): Promise<string> {
  const hash = createHash("sha256");
  const piece = new Uint8Array(8 * 2 ** 20);
  for (const name of modelFiles(folder)) {
    hash.update(`${name}\0`);
    using file = openForReading(join(folder, name));
    for (let read = await file.read(piece); read; read = await file.read(piece)) {
      hash.update(piece.subarray(0, read));
    }
  }
  return hash.digest("hex");
}

/**
 * Names, sizes and times of the files that decide a model's states: another text where one of them
 * was written or removed since.
 *
 * @throws {SpindleError} If the folder holds no model.
 */
export function stampFiles(folder: string): string {
  return modelFiles(folder).map((name) => {
    const file = lookAt(join(folder, name));
    const { dev, ino, size, mtime, ctime } = file ?? {};
    return [name, dev, ino, size, Number(mtime), Number(ctime)].join(" ");
  }).join("\n");
}

/** Digests of the files that models were loaded from, by their folder and stamp. */
const loadedDigests = new Map<string, string>();

/**
 * {@linkcode modelSha256} of the files that a model was loaded from. They are read once for all
 * models that were loaded from them, as large ones take seconds; what changes in the folder after
 * that is of no importance.
 *
 * @param model Its absolute folder, and what {@linkcode stampFiles} said when it was loaded.
 * @throws {SpindleError} If the files changed before they were read, or cannot be read.
 */
export async function loadedSha256(
  { folder, stamp }: { readonly folder: string; readonly stamp: string },
): Promise<string> {
  const key = `${folder}\n${stamp}`;
  const known = loadedDigests.get(key);
  if (known !== undefined) return known;
  const digest = await modelSha256(folder);
  if (stampFiles(folder) !== stamp) {
    throw new SpindleError(
      `Cannot use the model "${folder}" as its files changed since it was loaded: load it again`,
    );
  }
  loadedDigests.set(key, digest);
  return digest;
}
