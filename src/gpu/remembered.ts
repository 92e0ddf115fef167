import { join } from "node:path";
import { cacheFolder } from "../formats/cache_folder.ts";
import { isJsonObject, type JsonObject, readJsonObject } from "../formats/json.ts";
import { replaceFile } from "../formats/replace.ts";
import { isGranted, SpindleError } from "../util.ts";
import { driverBuild } from "./driver_build.ts";

/** Texts by their names, as they are kept between starts. */
export type Remembered = Readonly<Record<string, string>>;

/** Raised when kernels change so much that another variant may be the fastest. */
const kernelsVersion = 4;

const fileName = "tuning.json";

/** What is remembered under a name; undefined where nothing is. */
export function recall(name: string): Remembered | undefined {
  return texts(remembered()[name]);
}

/**
 * Remembers texts under a name in the user's cache folder.
 *
 * @returns The file.
 * @throws {SpindleError} If there is no cache folder or it cannot be written.
 */
export function remember(name: string, value: Remembered): string {
  const folder = cacheFolder();
  if (!folder) {
    throw new SpindleError(
      `Cannot remember ${name} as neither XDG_CACHE_HOME nor HOME is set and may be read: set one`,
    );
  }
  if (!isGranted({ name: "write", path: folder })) {
    throw new SpindleError(
      `Cannot remember ${name} in "${folder}" as Deno was not granted it: pass --allow-write`,
    );
  }
  const file = join(folder, fileName);
  const header = { version: kernelsVersion, ...driverBuild() };
  const all = { ...remembered(), [name]: value, ...header };
  try {
    Deno.mkdirSync(folder, { recursive: true });
  } catch { /* what follows says why it cannot be written */ }
  replaceFile(file, JSON.stringify(all));
  return file;
}

function texts(entry: unknown): Remembered | undefined {
  if (!isJsonObject(entry)) return undefined;
  const isText = (pair: [string, unknown]): pair is [string, string] => typeof pair[1] === "string";
  return Object.fromEntries(Object.entries(entry).filter(isText));
}

/** All that is in the file; nothing where it cannot be read or is of other kernels or drivers. */
function remembered(): JsonObject {
  try {
    const all = readJsonObject(join(cacheFolder()!, fileName));
    const isOther = Object.entries(driverBuild()).some(([name, build]) =>
      all[name] !== undefined && all[name] !== build
    );
    return all.version === kernelsVersion && !isOther ? all : {};
  } catch {
    return {};
  }
}

/** The names of all that is remembered. */
export function rememberedNames(): string[] {
  return Object.keys(remembered());
}
