import type { Gpu } from "../gpu/device.ts";
import {
  comparableMs,
  type Contestant,
  contestantOf,
  milliseconds,
  roundRobin,
} from "../measure/contestant.ts";
import { largestError } from "../measure/difference.ts";
import { summarize } from "../measure/numbers.ts";
import { type Problem, runOnce, type Variant } from "../measure/problem.ts";
import type { Stopwatch, Timing } from "../measure/stopwatch.ts";
import type { BenchResult, Rate } from "./document.ts";
import type { PeakKernel, PeakKernels } from "./peak.ts";

/** What measures. */
export interface Bench {
  readonly gpu: Gpu;
  readonly stopwatch: Stopwatch;
  readonly peaks: PeakKernels;
  readonly rounds: number;
  /** Every rate that a peak kernel reached, a nanosecond. */
  readonly peakRates: { readonly arithmetic: number[]; readonly copy: number[] };
}

/** Checks all variants of a problem and times the right ones, with a peak kernel in each round. */
export async function measureProblem(bench: Bench, problem: Problem): Promise<BenchResult[]> {
  const { stopwatch, peaks, rounds } = bench;
  const errors = await checkVariants(bench, problem);
  const correct = problem.variants.filter((_, i) => errors[i]! <= problem.bound);
  const peakName = "flops" in problem.work ? "arithmetic" : "copy";
  const peak: PeakKernel = peaks[peakName];
  const contestants: Contestant[] = [];
  for (const { record } of [peak, ...correct]) {
    contestants.push(await contestantOf(stopwatch, record));
  }
  const [peakTimes, ...times] = await roundRobin(contestants, rounds);
  notePeak(bench, peakName, peakTimes!);
  const results = problem.variants.map((variant, i) => {
    const measured = times[correct.indexOf(variant)];
    return resultOf(bench, problem, variant, errors[i]!, measured, { peak, peakTimes: peakTimes! });
  });
  return withGains(results, problem.variants);
}

/** Keeps the rates that a peak kernel reached. */
export function notePeak(
  bench: Bench,
  name: keyof Bench["peakRates"],
  times: readonly Timing[],
): void {
  const { peaks, peakRates } = bench;
  peakRates[name].push(
    ...times.map((timing) => peaks[name].work / comparableMs(bench, timing) / 1e6),
  );
}

/** The best rate of a peak kernel so far: in some rounds something else holds the device up. */
export function bestPeak({ peakRates }: Bench, name: keyof Bench["peakRates"]): number {
  return Math.max(...peakRates[name]);
}

/** Times of a peak kernel in the same rounds as others. */
interface PeakTimes {
  readonly peak: PeakKernel;
  readonly peakTimes: readonly Timing[];
}

/**
 * The median share of a peak: in each round of what the peak kernel reached in that round, for a
 * machine that others use is not equally fast in all of them.
 *
 * @param amount Operations or bytes of a run.
 */
export function shareOfPeak(
  bench: Bench,
  amount: number,
  times: readonly Timing[],
  { peak, peakTimes }: PeakTimes,
): number {
  const shares = times.map((timing, round) =>
    amount / comparableMs(bench, timing) / (peak.work / comparableMs(bench, peakTimes[round]!))
  );
  return summarize(shares).median;
}

async function checkVariants({ gpu }: Bench, problem: Problem): Promise<number[]> {
  const expected = problem.expected();
  const errors: number[] = [];
  for (const variant of problem.variants) {
    errors.push(largestError(await runOnce(gpu, variant), expected));
  }
  return errors;
}

function resultOf(
  bench: Bench,
  { kernel, shape, work }: Problem,
  { name, lesson }: Variant,
  maxError: number,
  times: readonly Timing[] | undefined,
  peaks: PeakTimes,
): BenchResult {
  const what = { kernel, variant: name, shape, maxError, ...(lesson && { lesson }) };
  if (!times) return { ...what, correct: false, medianMs: NaN, bestMs: NaN, share: NaN };
  const { median, best } = summarize(times.map((timing) => milliseconds(bench.stopwatch, timing)));
  const amount = "flops" in work ? work.flops : work.bytes;
  const rate = amount / median / 1e6;
  const share = shareOfPeak(bench, amount, times, peaks);
  const rates: Rate = "flops" in work ? { gflops: rate } : { gbps: rate };
  return {
    ...what,
    correct: true,
    medianMs: median,
    bestMs: best,
    ...rates,
    share,
  };
}

/**
 * How much faster each step of a ladder is than the step that it changes: by their shares of the
 * peak, which the same rounds and the same work make comparable.
 */
function withGains(
  results: readonly BenchResult[],
  variants: readonly Variant[],
): BenchResult[] {
  return results.map((result, i) => {
    const builtOn = variants[i]!.builtOn ?? variants[i - 1]?.name;
    const before = results.find(({ variant }) => variant === builtOn);
    const isStep = result.lesson && before?.lesson && before.correct && result.correct;
    return isStep ? { ...result, gain: result.share / before.share } : result;
  });
}
