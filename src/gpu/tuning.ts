import { join } from "node:path";
import { cacheFolder } from "../formats/cache_folder.ts";
import { isJsonObject, type JsonObject, readJsonObject } from "../formats/json.ts";
import { replaceFile } from "../formats/replace.ts";
import { attempt, isGranted, SpindleError } from "../util.ts";
import type { AdapterDescription, Gpu, MatrixStorage } from "./device.ts";
import { driverBuild } from "./driver_build.ts";

/** Which variant of each kernel was the fastest, by the kernel's name. */
export type Tuning = Readonly<Record<string, string>>;

/** Raised when kernels change so much that another variant may be the fastest. */
const kernelsVersion = 4;

const known = new WeakMap<Gpu, Tuning | undefined>();

/**
 * The variants that were chosen on this adapter and driver. Where nothing was, or what is there
 * cannot be read or is of other kernels or drivers, it is undefined and the defaults hold. A run
 * reads it once.
 */
export function tuningOf(gpu: Gpu): Tuning | undefined {
  if (!known.has(gpu)) known.set(gpu, recall(adapterKey(gpu)));
  return known.get(gpu);
}

/** The variant of a kernel that was the fastest on this adapter, or else the first, the default. */
export function tunedVariant<Variant>(
  gpu: Gpu,
  kernel: string,
  variants: ReadonlyMap<string, Variant>,
): Variant {
  const [standard] = variants.values();
  return variants.get(tuningOf(gpu)?.[kernel] ?? "") ?? standard!;
}

/** Uses these variants from now on, for as long as the program runs. */
export function useTuning(gpu: Gpu, tuning: Tuning): void {
  known.set(gpu, tuning);
}

/**
 * Uses these variants, and remembers them for this adapter and driver.
 *
 * @returns The file that holds them.
 * @throws {SpindleError} If there is no cache folder or it cannot be written.
 */
export function saveTuning(gpu: Gpu, tuning: Tuning): string {
  useTuning(gpu, tuning);
  return remember(adapterKey(gpu), tuning);
}

/** Where matrices are to lie on an adapter, if that was timed. */
export function storageOf(adapter: AdapterDescription): MatrixStorage | undefined {
  const storage = recall(storageKey(adapter))?.storage;
  return storage === "texture" || storage === "buffer" ? storage : undefined;
}

/** Remembers where matrices are to lie, for the next start. */
export function saveStorage(adapter: AdapterDescription, storage: MatrixStorage): void {
  remember(storageKey(adapter), { storage });
}

/** Forgets where matrices are to lie, on all adapters. */
export function forgetStorage(): void {
  for (const [name, entry] of Object.entries(remembered())) {
    if (isJsonObject(entry) && "storage" in entry) attempt(() => remember(name, {}));
  }
}

/** What is remembered under a name; undefined where nothing is. */
export function recall(name: string): Tuning | undefined {
  return texts(remembered()[name]);
}

/**
 * Remembers texts under a name in the user's cache folder.
 *
 * @returns The file.
 * @throws {SpindleError} If there is no cache folder or it cannot be written.
 */
export function remember(name: string, value: Tuning): string {
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

const fileName = "tuning.json";

/** Other lanes or another memory want other variants. */
function adapterKey({ adapter, lanes, subgroups, storage }: Gpu): string {
  return [adapter.vendor, adapter.description, lanes, subgroups, storage].join(" | ");
}

function storageKey({ vendor, description }: AdapterDescription): string {
  return [vendor, description].join(" | ");
}

function texts(entry: unknown): Tuning | undefined {
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
