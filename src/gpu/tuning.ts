import { join } from "node:path";
import { cacheFolder } from "../formats/cache_folder.ts";
import { replaceFile, writeAll } from "../formats/files.ts";
import { isJsonObject, type JsonObject, readJsonObject } from "../formats/json.ts";
import { SpindleError } from "../util.ts";
import type { Gpu } from "./device.ts";

/** Which variant of each kernel was the fastest, by the kernel's name. */
export type Tuning = Readonly<Record<string, string>>;

const known = new WeakMap<Gpu, Tuning>();

/**
 * The variants that were chosen on this adapter and driver. Where nothing was, or what is there
 * cannot be read, it is empty and the defaults hold. A run reads it once.
 */
export function tuningOf(gpu: Gpu): Tuning {
  let tuning = known.get(gpu);
  if (!tuning) {
    tuning = readTuning(gpu);
    known.set(gpu, tuning);
  }
  return tuning;
}

/**
 * Remembers the variants for this adapter and driver.
 *
 * @throws {SpindleError} If there is no cache folder or it cannot be written.
 */
export function saveTuning(gpu: Gpu, tuning: Tuning): string {
  const folder = cacheFolder();
  if (!folder) {
    throw new SpindleError(
      "Cannot remember the fastest kernels as neither XDG_CACHE_HOME nor HOME is set: set one",
    );
  }
  const file = join(folder, fileName);
  const all = { ...readAll(), [adapterKey(gpu)]: tuning };
  Deno.mkdirSync(folder, { recursive: true });
  replaceFile(file, (open) => writeAll(open, new TextEncoder().encode(JSON.stringify(all))));
  known.set(gpu, tuning);
  return file;
}

const fileName = "tuning.json";

/** Other lanes or another memory want other variants, and so does another version of a driver. */
function adapterKey({ adapter, lanes, subgroups, storage }: Gpu): string {
  return [adapter.vendor, adapter.description, lanes, subgroups, storage].join(" | ");
}

function readTuning(gpu: Gpu): Tuning {
  const entry = readAll()[adapterKey(gpu)];
  if (!isJsonObject(entry)) return {};
  const isText = (pair: [string, unknown]): pair is [string, string] => typeof pair[1] === "string";
  return Object.fromEntries(Object.entries(entry).filter(isText));
}

function readAll(): JsonObject {
  try {
    return readJsonObject(join(cacheFolder()!, fileName));
  } catch {
    return {}; // never tuned, unreadable or not allowed: the defaults are good enough
  }
}
