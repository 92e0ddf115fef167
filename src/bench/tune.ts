import type { Gpu } from "../gpu/device.ts";
import { saveTuning, type Tuning } from "../gpu/tuning.ts";
import { chooseFastest, equalVariants } from "../tuning/choice.ts";
import { thoroughContests } from "../tuning/contests.ts";
import type { BenchResult } from "./document.ts";
import { type Bench, measureProblem } from "./measure.ts";

/**
 * Times the variants of the hot kernels and remembers the fastest right ones for this adapter; the
 * default where none is clearly faster.
 *
 * @returns What was measured, what was chosen, and where that is kept.
 */
export async function tuneKernels(
  gpu: Gpu,
  bench: Bench,
): Promise<{ results: BenchResult[]; tuning: Tuning; file: string }> {
  const all: BenchResult[] = [];
  const tuning: Record<string, string> = {};
  for (const { kernel, create } of thoroughContests) {
    using problem = create(gpu);
    const results = await measureProblem(bench, problem);
    const equal = new Set((await equalVariants(gpu, problem)).map(({ name }) => name));
    const eligible = results.filter(({ correct, variant }) => correct && equal.has(variant));
    // Other programs disturb a software driver's clock, but not its share of the peak.
    const timed = eligible.map(({ variant, share }) => ({ name: variant, cost: 1 / share }));
    if (timed.length) tuning[kernel] = chooseFastest(timed);
    all.push(...results.map((result) => ({ ...result, variant: `${kernel}: ${result.variant}` })));
  }
  return { results: all, tuning, file: saveTuning(gpu, tuning) };
}
