import type { Gpu } from "../gpu/device.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { repeatsOf, type Stopwatch, type Timing } from "./stopwatch.ts";

/** Something that takes part in a round: it runs, and tells how long a run took. */
export interface Contestant<Measured extends Timing = Timing> {
  /** Milliseconds. */
  run(): Promise<Measured>;
  /** Takes part in so many rounds at most. */
  readonly rounds?: number;
}

/** Lets all contestants run in turn, `rounds` times, so that what slows the machine slows all. */
export async function roundRobin<Measured extends Timing>(
  contestants: readonly Contestant<Measured>[],
  rounds: number,
): Promise<Measured[][]> {
  const times: Measured[][] = contestants.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, contestant] of contestants.entries()) {
      if (round < (contestant.rounds ?? rounds)) times[i]!.push(await contestant.run());
    }
  }
  return times;
}

/**
 * A kernel as a contestant, with the repeats that make its work long enough.
 *
 * @param milliseconds How long is enough, where not the usual is.
 */
export async function contestantOf(
  stopwatch: Stopwatch,
  record: (recorder: Recorder) => void,
  milliseconds?: number,
): Promise<Contestant> {
  const repeats = await repeatsOf(stopwatch, record, milliseconds);
  return { run: () => stopwatch.time(record, repeats) };
}

/**
 * Of a software driver the processor time, which does not grow where other programs keep it
 * waiting.
 */
export function comparableMs(
  { gpu, stopwatch }: { readonly gpu: Gpu; readonly stopwatch: Stopwatch },
  timing: Timing,
): number {
  return gpu.adapter.software ? timing.processor : milliseconds(stopwatch, timing);
}

/** The milliseconds of the clock that a stopwatch trusts. */
export function milliseconds({ clock }: Stopwatch, { wall, timestamps }: Timing): number {
  return clock === "timestamps" ? timestamps : wall;
}
