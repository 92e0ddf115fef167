import { join } from "node:path";
import { cacheFolder } from "../formats/cache_folder.ts";
import { SpindleError } from "../util.ts";

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
