import { join } from "node:path";
import { isGranted } from "../util.ts";

/** Where Linux lists its Vulkan drivers: packages, and what was installed by hand. */
const folders = ["/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/etc/vulkan/icd.d"];

/**
 * What comes with the driver in use, whose version Deno does not tell: another of any of these may
 * be another driver.
 *
 * @returns By name, without what is not known or may not be read: `deno`, whose release brings the
 * shader compiler; on Linux `drivers`, when the newest of this machine's Vulkan drivers was built;
 * elsewhere `system`, the release that brings drivers along.
 */
export function driverBuild(): Record<string, string> {
  const system = Deno.build.os === "linux" ? newestDriver() : systemRelease();
  return { deno: Deno.version.deno, ...system };
}

function systemRelease(): Record<string, string> {
  return isGranted({ name: "sys", kind: "osRelease" }) ? { system: Deno.osRelease() } : {};
}

/** Packages keep when they were built in the files that list drivers. */
function newestDriver(): Record<string, string> {
  const times = folders.filter((path) => isGranted({ name: "read", path })).flatMap(timesIn);
  return times.length ? { drivers: new Date(Math.max(...times)).toISOString() } : {};
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
