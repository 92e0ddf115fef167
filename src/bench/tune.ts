import type { Gpu } from "../gpu/device.ts";
import { saveTuning, type Tuning } from "../gpu/tuning.ts";
import { chooseFastest, equalVariants, takenVariants } from "../tuning/choice.ts";
import { type Contest, thoroughContests } from "../tuning/contests.ts";
import { compareStorages } from "../tuning/first_use.ts";
import { attempt } from "../util.ts";
import type { BenchResult } from "./document.ts";
import { type Bench, measureProblem } from "./measure.ts";

/**
 * Times the variants of the hot kernels and remembers the fastest right ones for this adapter; the
 * default where none is clearly faster. What the driver does not take is passed over.
 *
 * @returns What was measured, what was chosen, and where that is kept, if it can be.
 */
export async function tuneKernels(
  gpu: Gpu,
  bench: Bench,
  contests: readonly Contest[] = thoroughContests,
): Promise<{ results: BenchResult[]; tuning: Tuning; file: string | undefined }> {
  const all: BenchResult[] = [];
  const tuning: Record<string, string> = {};
  for (const { kernel, create } of contests) {
    using problem = create(gpu);
    const variants = await takenVariants(gpu, problem);
    const results = await measureProblem(bench, { ...problem, variants });
    const equal = new Set((await equalVariants(gpu, { variants })).map(({ name }) => name));
    const eligible = results.filter(({ correct, variant }) => correct && equal.has(variant));
    // The same rounds made the shares comparable, whatever else disturbed the clock.
    const timed = eligible.map(({ variant, share }) => ({ name: variant, cost: 1 / share }));
    if (timed.length) tuning[kernel] = chooseFastest(timed);
    all.push(...results.map((result) => ({ ...result, variant: `${kernel}: ${result.variant}` })));
  }
  let file: string | undefined;
  attempt(() => file = saveTuning(gpu, tuning));
  await compareStorages(gpu);
  return { results: all, tuning, file };
}
