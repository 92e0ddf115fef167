import type { Gpu } from "../gpu/device.ts";
import { largestError } from "../measure/difference.ts";
import { type Problem, runOnce } from "../measure/problem.ts";
import { SpindleError } from "../util.ts";
import type { Contest } from "./contests.ts";

/**
 * Compares the default variant of each kernel with float64 at odd sizes, and sees to it that there
 * is a number everywhere at the usual ones.
 *
 * @throws {SpindleError} If one is wrong, or the GPU rejected a command or was lost.
 */
export async function requireDefaults(gpu: Gpu, contests: readonly Contest[]): Promise<void> {
  for (const { kernel, create, createOdd } of contests) {
    using odd = createOdd(gpu);
    const error = largestError(await runDefault(gpu, odd), odd.expected());
    if (error > odd.bound) throw refuseAdapter(gpu, kernel, error);
    using usual = create(gpu);
    const numbers = await runDefault(gpu, usual);
    if (!numbers.every(Number.isFinite)) throw refuseAdapter(gpu, kernel, Infinity);
  }
}

function runDefault(gpu: Gpu, { variants: [standard] }: Problem): Promise<Float32Array> {
  return runOnce(gpu, standard!);
}

/** Why an adapter is refused on which the default of a kernel is so far off. */
export function refuseAdapter({ adapter }: Gpu, kernel: string, error: number): SpindleError {
  const how = error < Infinity ? `is ${error.toExponential(1)} off` : "computes what is no number";
  return new SpindleError(
    `Cannot use ${adapter.description} as ${kernel} ${how} on it: ` +
      "update its driver, or use another adapter",
  );
}
