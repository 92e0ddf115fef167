import type { Gpu } from "../gpu/device.ts";
import { tunedVariant, type Tuning } from "../gpu/tuning.ts";
import { comparableMs, type Contestant, contestantOf, roundRobin } from "../measure/contestant.ts";
import {
  pieceMilliseconds,
  startStopwatch,
  type Stopwatch,
  type Timing,
  WallStopwatch,
} from "../measure/stopwatch.ts";
import { refuseAdapter } from "./defaults.ts";
import { chooseFastest, equalVariants } from "./choice.ts";
import type { Contest } from "./contests.ts";

/** How often each variant is timed. */
const rounds = 5;
/** Milliseconds of work that are timed at once by clocks that do not count its submission. */
const shortPiece = 4;

/**
 * The fastest variant of each kernel, of those that compute what the default does.
 *
 * @throws {SpindleError} If a default has no numbers, or the GPU rejected a command or was lost.
 */
export async function fastestVariants(gpu: Gpu, contests: readonly Contest[]): Promise<Tuning> {
  using stopwatch = await startFor(gpu, contests);
  const best: Record<string, string> = {};
  for (const contest of contests) best[contest.kernel] = await fastest(gpu, stopwatch, contest);
  return best;
}

/** Of a software driver the processor time counts, which any stopwatch tells. */
async function startFor(gpu: Gpu, contests: readonly Contest[]): Promise<Stopwatch> {
  if (gpu.adapter.software) return new WallStopwatch(gpu);
  using problem = heaviest(contests).create(gpu);
  return await startStopwatch(gpu, problem.variants[0]!.record);
}

async function fastest(gpu: Gpu, stopwatch: Stopwatch, contest: Contest): Promise<string> {
  using problem = contest.create(gpu);
  const variants = await equalVariants(gpu, problem);
  if (variants.length === 0) throw refuseAdapter(gpu, contest.kernel, Infinity);
  const countsSubmission = stopwatch.clock === "wall" && !gpu.adapter.software;
  const piece = countsSubmission ? pieceMilliseconds : shortPiece;
  const contestants: Contestant[] = [];
  for (const { record } of variants) contestants.push(await contestantOf(stopwatch, record, piece));
  const times = await roundRobin(contestants, rounds);
  return chooseFastest(variants.map(({ name }, i) => ({
    name,
    cost: Math.min(...times[i]!.map((timing) => comparableMs({ gpu, stopwatch }, timing))),
  })));
}

/** How much faster the heaviest kernel is on another device, by its tuned variant on each. */
export async function compareDevices(
  gpu: Gpu,
  other: Gpu,
  contests: readonly Contest[],
): Promise<number> {
  const { kernel, create } = heaviest(contests);
  using owned = new DisposableStack();
  const contestants: Contestant[] = [];
  for (const each of [gpu, other]) {
    const { variants } = owned.use(create(each));
    const records = new Map(variants.map(({ name, record }) => [name, record]));
    // The host's clock is one for both, whatever their timestamps are worth.
    const stopwatch = owned.use(new WallStopwatch(each));
    contestants.push(await contestantOf(stopwatch, tunedVariant(each, kernel, records)));
  }
  const [own, others] = await roundRobin(contestants, rounds);
  const least = (times: readonly Timing[]) => Math.min(...times.map(({ wall }) => wall));
  return least(own!) / least(others!);
}

/** Its work hides best what it costs to submit it. */
function heaviest(contests: readonly Contest[]): Contest {
  return contests.find(({ kernel }) => kernel === "linear many")!;
}
