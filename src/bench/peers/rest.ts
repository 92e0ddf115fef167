import process from "node:process";
import type { Contestant } from "../../measure/contestant.ts";
import type { Timing } from "../../measure/stopwatch.ts";

/** How long is looked whether the threads of this process rest, and how often at most. */
const lookMilliseconds = 20;
const looks = 100;

/** The share of a processor below which they do. */
const restShare = 0.1;

/**
 * Contestants that wait until all threads of this process rest: those of some libraries go on for a
 * while after a result, and would take a processor from whoever comes next.
 */
export function afterRest<Measured extends Timing>(
  contestants: readonly Contestant<Measured>[],
): Contestant<Measured>[] {
  return contestants.map((contestant) => ({
    ...contestant,
    run: async () => {
      await rest();
      return await contestant.run();
    },
  }));
}

async function rest(): Promise<void> {
  for (let look = 0; look < looks; look++) {
    const [before, start] = [process.cpuUsage(), performance.now()];
    await new Promise((resolve) => setTimeout(resolve, lookMilliseconds));
    const { user, system } = process.cpuUsage(before);
    if ((user + system) / 1000 < restShare * (performance.now() - start)) return;
  }
}
