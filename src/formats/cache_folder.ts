import { join } from "node:path";

/**
 * The folder `spindle` in the user's cache folder.
 *
 * @returns Its path; undefined where no variable names a home.
 */
export function cacheFolder(): string | undefined {
  const local = Deno.build.os === "windows" ? Deno.env.get("LOCALAPPDATA") : undefined;
  const home = Deno.env.get("HOME");
  const folder = Deno.env.get("XDG_CACHE_HOME") || local || (home && join(home, ".cache"));
  return folder ? join(folder, "spindle") : undefined;
}
