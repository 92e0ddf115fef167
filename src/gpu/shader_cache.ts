import { statfsSync } from "node:fs";
import { join } from "node:path";
import { isGranted } from "../util.ts";
import { compiledVariable } from "./vector_width.ts";

const disableVariable = "MESA_SHADER_CACHE_DISABLE";

/** What must be free where Mesa keeps compiled kernels: the index alone takes over 1 MB. */
const leastBytes = 16e6;

/**
 * Has Mesa's driver keep no compiled kernels where it has no room for them, or may not write: on a
 * full disk the system ends the program as it touches a file that is mapped to memory, without a
 * word. Mesa reads the variable once, when the first adapter is requested.
 */
export function disableShaderCacheWithoutRoom(): void {
  if (Deno.build.os !== "linux") return; // without Mesa's driver
  if (!isGranted({ name: "env", variable: disableVariable })) return;
  const folder = shaderCacheFolder();
  if (!folder || Deno.env.get(disableVariable)) return;
  if (!isWritable(folder) || !hasRoom(folder)) Deno.env.set(disableVariable, "true");
}

/** The folder in which Mesa makes one of its own; undefined where no variable may be read. */
function shaderCacheFolder(): string | undefined {
  const read = (variable: string) =>
    isGranted({ name: "env", variable }) ? Deno.env.get(variable) : undefined;
  const home = read("HOME");
  return read(compiledVariable) || read("XDG_CACHE_HOME") || (home && join(home, ".cache"));
}

/** Whether a folder can be made in a folder; where it may not be tried, it is taken for granted. */
function isWritable(folder: string): boolean {
  if (!isGranted({ name: "write", path: folder })) return true;
  try {
    Deno.mkdirSync(folder, { recursive: true });
    Deno.removeSync(Deno.makeTempDirSync({ dir: folder }));
    return true;
  } catch {
    return false;
  }
}

/** Whether the disk of a folder has room; where it may not be asked, it is taken for granted. */
function hasRoom(folder: string): boolean {
  const mayAsk = isGranted({ name: "sys", kind: "statfs" }) &&
    isGranted({ name: "read", path: folder });
  if (!mayAsk) return true;
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize >= leastBytes;
  } catch {
    return true; // the folder is not there, and may not be made here
  }
}
