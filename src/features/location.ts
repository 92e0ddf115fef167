import { join } from "node:path";
import { SpindleError } from "../util.ts";

/**
 * The folder that keeps feature stores unless another is chosen: `spindle/features` in the user's
 * cache folder.
 *
 * @throws {SpindleError} If no variable names a home.
 */
export function defaultFeatureFolder(): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA, HOME } = {
    XDG_CACHE_HOME: Deno.env.get("XDG_CACHE_HOME"),
    LOCALAPPDATA: Deno.build.os === "windows" ? Deno.env.get("LOCALAPPDATA") : undefined,
    HOME: Deno.env.get("HOME"),
  };
  const cache = XDG_CACHE_HOME || LOCALAPPDATA || (HOME && join(HOME, ".cache"));
  if (cache) return join(cache, "spindle", "features");
  throw new SpindleError(
    "Cannot find a folder for features as neither XDG_CACHE_HOME nor HOME is set: pass --features",
  );
}
