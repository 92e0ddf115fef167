import { basename, dirname, join, resolve } from "node:path";
import { cacheFolder } from "../formats/cache_folder.ts";
import { shellWord, SpindleError } from "../util.ts";

/**
 * The folder that keeps feature stores unless another is chosen: `spindle/features` in the user's
 * cache folder.
 *
 * @throws {SpindleError} If no variable that may be read names a home.
 */
export function defaultFeatureFolder(): string {
  const folder = cacheFolder();
  if (folder) return join(folder, "features");
  throw new SpindleError(
    "Cannot find a folder for features as neither XDG_CACHE_HOME nor HOME is set and may be read: " +
      "pass --features",
  );
}

/** The command that removes a feature store, given by its folder. */
export function removalCommand(store: string): string {
  const folder = cacheFolder();
  const parent = resolve(dirname(store));
  const isDefault = folder !== undefined && parent === resolve(folder, "features");
  const where = isDefault ? "" : ` --features ${shellWord(parent)}`;
  return `spindle features${where} --remove ${basename(store)}`;
}
