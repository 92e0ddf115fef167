import { type Contestant, roundRobin } from "../bench/measure.ts";
import type { Problem } from "../bench/problem.ts";
import { type Timing, WallStopwatch } from "../bench/stopwatch.ts";
import { Gpu, type MatrixStorage } from "../gpu/device.ts";
import { mostTextures, requestGpu } from "../gpu/request.ts";
import { saveStorage, saveTuning, type Tuning, tuningOf } from "../gpu/tuning.ts";
import { attempt, SpindleError } from "../util.ts";
import { chooseFastest, equalVariants, type Timed } from "./choice.ts";
import { type Contest, quickContests } from "./contests.ts";

/** How often each variant is timed. */
const rounds = 5;
/** About how many milliseconds of work are timed at once. */
const piece = 4;
/** Other memory must be this much faster: it decides which limits hold. */
const storageGain = 1.2;

const underway = new WeakMap<Gpu, Promise<void>>();

/**
 * Chooses the variants of the hot kernels by timing them, unless that was done on this adapter
 * before. Where the choice cannot be remembered it serves this run. No result depends on it.
 *
 * @param contests What to time.
 * @throws {SpindleError} If the GPU rejected a command or was lost.
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
  const best = await timeContests(gpu, contests);
  // A cache folder that cannot be written only costs the next start its memory.
  attempt(() => saveTuning(gpu, namesOf(best)));
  await compareStorages(gpu, contests, best);
}

/**
 * Times the hot kernels of a hardware GPU with matrices in the other kind of memory, remembers the
 * fastest variants there, and which kind is the faster.
 *
 * @param best The fastest variants in this kind of memory; they are timed where not given.
 */
export async function compareStorages(
  gpu: Gpu,
  contests: readonly Contest[] = quickContests(gpu),
  best?: ReadonlyMap<string, Timed>,
): Promise<void> {
  if (gpu.adapter.software) return;
  const other: MatrixStorage = gpu.storage === "buffer" ? "texture" : "buffer";
  const { maxStorageTexturesPerShaderStage } = gpu.device.limits;
  if (other === "texture" && maxStorageTexturesPerShaderStage < mostTextures) return;
  using twin = await requestTwin(gpu, other);
  const others = await timeIfTaken(twin, contests);
  if (!others) return;
  attempt(() => saveTuning(twin, namesOf(others)));
  const costOf = (timed: ReadonlyMap<string, Timed>) => timed.get("linear many")!.cost;
  const own = costOf(best ?? await timeContests(gpu, contests));
  const storage = costOf(others) * storageGain < own ? other : gpu.storage;
  attempt(() => saveStorage(gpu.adapter, storage));
}

/** The same with a device of its own, so that what it rejects is nobody else's failure. */
async function requestTwin(gpu: Gpu, storage: MatrixStorage): Promise<Gpu> {
  const { device } = await requestGpu({ storage });
  return new Gpu(device, gpu.adapter, gpu.features, gpu.lanes, gpu.subgroups, storage);
}

function namesOf(best: ReadonlyMap<string, Timed>): Tuning {
  return Object.fromEntries([...best].map(([kernel, { name }]) => [kernel, name]));
}

/** The fastest variant of each kernel. */
async function timeContests(
  gpu: Gpu,
  contests: readonly Contest[],
): Promise<Map<string, Timed>> {
  const best = new Map<string, Timed>();
  for (const contest of contests) best.set(contest.kernel, await fastest(gpu, contest));
  return best;
}

/** What a driver does not take in the other kind of memory is no reason to fail. */
async function timeIfTaken(
  gpu: Gpu,
  contests: readonly Contest[],
): Promise<Map<string, Timed> | undefined> {
  try {
    const best = await timeContests(gpu, contests);
    gpu.check();
    return best;
  } catch (error) {
    if (!(error instanceof SpindleError)) throw error;
    return undefined;
  }
}

async function fastest(gpu: Gpu, contest: Contest): Promise<Timed> {
  using problem = contest.create(gpu);
  const timed = await timeVariants(gpu, problem);
  if (timed.length === 0) {
    throw new SpindleError(
      `Cannot use ${gpu.adapter.description} as ${contest.kernel} computes nothing on it: ` +
        "update its driver, or use another adapter",
    );
  }
  const name = chooseFastest(timed);
  return timed.find((variant) => variant.name === name)!;
}

async function timeVariants(gpu: Gpu, problem: Problem): Promise<Timed[]> {
  const variants = await equalVariants(gpu, problem);
  using stopwatch = new WallStopwatch(gpu);
  // What other programs keep waiting is no slower for that.
  const cost = ({ wall, processor }: Timing) => gpu.adapter.software ? processor : wall;
  const contestants: Contestant[] = [];
  for (const { record } of variants) {
    const once = async () => cost(await stopwatch.time(record, 1));
    const repeats = Math.min(1000, Math.ceil(piece / Math.min(await once(), await once())));
    contestants.push({ run: () => stopwatch.time(record, repeats) });
  }
  const times = await roundRobin(contestants, rounds);
  return variants.map(({ name }, i) => ({ name, cost: Math.min(...times[i]!.map(cost)) }));
}
