import { Gpu, type MatrixStorage } from "../gpu/device.ts";
import { mostTextures } from "../gpu/request.ts";
import { saveStorage, saveTuning, type Tuning, tuningOf, useTuning } from "../gpu/tuning.ts";
import { attempt, SpindleError } from "../util.ts";
import { requireDefaults } from "./defaults.ts";
import { type Contest, quickContests } from "./contests.ts";
import { requestGpu } from "./request.ts";
import { compareDevices, fastestVariants } from "./timing.ts";

/** Other memory must be this much faster: it decides which limits hold. */
const storageGain = 1.2;

const underway = new WeakMap<Gpu, Promise<void>>();

/**
 * Chooses the variants of the hot kernels by timing them, unless that was done on this adapter
 * before; first their defaults are compared with float64. Where the choice cannot be remembered it
 * serves this run. No result depends on it.
 *
 * @param contests What to time.
 * @throws {SpindleError} If a default computes something wrong, or the GPU rejected a command or
 * was lost.
 */
export async function tuneOnFirstUse(
  gpu: Gpu,
  contests: readonly Contest[] = quickContests(gpu),
): Promise<void> {
  if (tuningOf(gpu)) return;
  let tuning = underway.get(gpu);
  if (!tuning) underway.set(gpu, tuning = tune(gpu, contests));
  await tuning;
}

async function tune(gpu: Gpu, contests: readonly Contest[]): Promise<void> {
  await requireDefaults(gpu, contests);
  // Software does not lose its device to a variant, and would compile each one twice.
  const tuning = gpu.adapter.software
    ? await fastestVariants(gpu, contests)
    : await onTwin(gpu, gpu.storage, (twin) => fastestVariants(twin, contests));
  if (tuning) save(gpu, tuning);
  else useTuning(gpu, {}); // the defaults are right
  await compareStorages(gpu, contests);
}

/** A cache folder that cannot be written only costs the next start its memory. */
function save(gpu: Gpu, tuning: Tuning): void {
  attempt(() => saveTuning(gpu, tuning));
}

/**
 * Tunes the hot kernels of a hardware GPU for matrices in the other kind of memory, and remembers
 * which kind is the faster. Where they cannot be there nothing is remembered.
 *
 * @throws {SpindleError} If this GPU rejected a command or was lost.
 */
export async function compareStorages(
  gpu: Gpu,
  contests: readonly Contest[] = quickContests(gpu),
): Promise<void> {
  if (gpu.adapter.software) return;
  const other: MatrixStorage = gpu.storage === "buffer" ? "texture" : "buffer";
  const { maxStorageTexturesPerShaderStage } = gpu.device.limits;
  if (other === "texture" && maxStorageTexturesPerShaderStage < mostTextures) return;
  const gain = await onTwin(gpu, other, async (twin) => {
    await requireDefaults(twin, contests);
    save(twin, await fastestVariants(twin, contests));
    return compareDevices(gpu, twin, contests);
  });
  if (gain === undefined) return;
  attempt(() => saveStorage(gpu.adapter, gain > storageGain ? other : gpu.storage));
}

/**
 * Measures on the same GPU as another device, so that what that rejects, or is lost by, is nobody
 * else's failure.
 *
 * @returns Undefined where it failed, or the driver gave none.
 */
async function onTwin<Result>(
  gpu: Gpu,
  storage: MatrixStorage,
  measure: (twin: Gpu) => Promise<Result>,
): Promise<Result | undefined> {
  try {
    const { device } = await requestGpu({ storage });
    using twin = new Gpu(device, gpu.adapter, gpu.features, gpu.lanes, gpu.subgroups, storage);
    const result = await measure(twin);
    twin.check();
    return result;
  } catch (error) {
    // A device that was lost throws exceptions of WebGPU's own.
    if (!(error instanceof SpindleError || error instanceof DOMException)) throw error;
    gpu.check();
    return undefined;
  }
}
