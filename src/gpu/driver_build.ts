import { join } from "node:path";
import { isGranted } from "../util.ts";

/** Where Linux lists its Vulkan drivers: packages, and what was installed by hand. */
const folders = ["/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/etc/vulkan/icd.d"];

/**
 * When the newest of this machine's Vulkan drivers was built, since Deno does not tell the version
 * of the one in use: packages keep the time in the files that list them.
 *
 * @returns Undefined where that is not known or may not be read.
 */
export function driverBuild(): string | undefined {
  if (globalThis.Deno?.build.os !== "linux") return undefined; // elsewhere, or in a browser
  const times = folders.filter((path) => isGranted({ name: "read", path })).flatMap(timesIn);
  return times.length ? new Date(Math.max(...times)).toISOString() : undefined;
}

function timesIn(folder: string): number[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) =>
      Deno.statSync(join(folder, name)).mtime?.getTime() ?? 0
    );
  } catch {
    return [];
  }
}
