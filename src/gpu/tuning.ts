import { attempt } from "../util.ts";
import { type AdapterDescription, type Gpu, type MatrixStorage, storages } from "./device.ts";
import { recall, remember, type Remembered, rememberedNames } from "./remembered.ts";

/** Which variant of each kernel was the fastest, by the kernel's name. */
export type Tuning = Remembered;

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
  const known = recall(storageKey(adapter))?.storage;
  return storages.find((storage) => storage === known);
}

/** Remembers where matrices are to lie, for the next start. */
export function saveStorage(adapter: AdapterDescription, storage: MatrixStorage): void {
  remember(storageKey(adapter), { storage });
}

/** Forgets where matrices are to lie, on all adapters. */
export function forgetStorage(): void {
  for (const name of rememberedNames()) {
    if (recall(name)?.storage) attempt(() => remember(name, {}));
  }
}

/** Other lanes or another memory want other variants. */
function adapterKey({ adapter, lanes, subgroups, storage }: Gpu): string {
  return [adapter.vendor, adapter.description, lanes, subgroups, storage].join(" | ");
}

function storageKey({ vendor, description }: AdapterDescription): string {
  return [vendor, description].join(" | ");
}
