import { join } from "node:path";
import { exists, fileFailure } from "../formats/files.ts";
import { isJsonObject, readJsonObject } from "../formats/json.ts";
import { SpindleError } from "../util.ts";
import { type LastUse, lastUse, useFile } from "./last_use.ts";
import { manifestName, splitNames } from "./store.ts";

/** A feature store as the disk holds it. */
export interface StoreSummary {
  readonly name: string;
  readonly folder: string;
  readonly bytes: number;
  /** Texts of all splits; undefined where the store's manifest is broken. */
  readonly texts: number | undefined;
  /** What it was last used for; undefined where the store does not tell. */
  readonly use: LastUse | undefined;
  /** When it was last used; where it does not tell, when it was begun. */
  readonly modified: Date | null;
}

/** Lists the feature stores in a folder, oldest first. */
export function listStores(parent: string): StoreSummary[] {
  if (!exists(parent)) return [];
  return guarded("list", parent, () =>
    [...Deno.readDirSync(parent)]
      .filter(({ name }) => exists(join(parent, name, manifestName)))
      .map(({ name }) => summarise(parent, name))
      .sort((a, b) => Number(a.modified) - Number(b.modified)));
}

/**
 * Removes a feature store.
 *
 * @throws {SpindleError} If there is none of that name.
 */
export function removeStore(parent: string, name: string): StoreSummary {
  const store = listStores(parent).find((store) => store.name === name);
  if (!store) {
    throw new SpindleError(
      `Cannot remove the features "${name}" as "${parent}" holds none of that name: list them first`,
    );
  }
  guarded("remove", store.folder, () => Deno.removeSync(store.folder, { recursive: true }));
  return store;
}

function guarded<T>(what: string, folder: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof SpindleError) throw error;
    throw new SpindleError(`Cannot ${what} the features in "${folder}" as ${fileFailure(error)}`, {
      cause: error,
    });
  }
}

function summarise(parent: string, name: string): StoreSummary {
  const folder = join(parent, name);
  const use = lastUse(folder);
  const files = [...Deno.readDirSync(folder)].map(({ name }) => join(folder, name));
  return {
    name,
    folder,
    bytes: files.reduce((sum, path) => sum + sizeOf(path), 0),
    texts: countTexts(join(folder, manifestName)),
    use,
    modified: Deno.statSync(join(folder, use ? useFile : manifestName)).mtime,
  };
}

/** A run beside this one renames its files: one that is gone takes no room. */
function sizeOf(path: string): number {
  try {
    return Deno.lstatSync(path).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

/** A store whose manifest is broken can still be listed, and removed. */
function countTexts(manifest: string): number | undefined {
  try {
    const { rows } = readJsonObject(manifest);
    if (!isJsonObject(rows)) return undefined;
    const counts = splitNames.map((split) => rows[split]);
    return counts.every(isCount) ? counts.reduce((sum, count) => sum + count, 0) : undefined;
  } catch {
    return undefined;
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
