import { join } from "node:path";
import { isGranted } from "../util.ts";

/**
 * The folder `spindle` in the user's cache folder.
 *
 * @returns Its path; undefined where no variable that may be read names a home.
 */
export function cacheFolder(): string | undefined {
  const read = (variable: string) =>
    isGranted({ name: "env", variable }) ? Deno.env.get(variable) : undefined;
  const local = Deno.build.os === "windows" ? read("LOCALAPPDATA") : undefined;
  const home = read("HOME");
  const folder = read("XDG_CACHE_HOME") || local || (home && join(home, ".cache"));
  return folder ? join(folder, "spindle") : undefined;
}
