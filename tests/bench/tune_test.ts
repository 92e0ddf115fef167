import assert from "node:assert/strict";
import { createPeakKernels } from "../../src/bench/peak.ts";
import { tuneKernels } from "../../src/bench/tune.ts";
import type { Variant } from "../../src/measure/problem.ts";
import { WallStopwatch } from "../../src/measure/stopwatch.ts";
import { type Contest, linearContest } from "../../src/tuning/contests.ts";
import { requestGpu } from "../../src/tuning/request.ts";
import { withCache } from "../cache.ts";

Deno.test("tuneKernels() passes over a variant that the driver does not take", async () => {
  await withCache(async () => {
    using gpu = await requestGpu();
    using peaks = createPeakKernels(gpu);
    using stopwatch = new WallStopwatch(gpu);
    const contest = linearContest("few", [7, 13, 37]);
    const create: Contest["create"] = (gpu) => {
      const problem = contest.create(gpu);
      const [standard] = problem.variants;
      const rejected: Variant = {
        ...standard!,
        name: "rejected",
        record: (recorder) =>
          recorder.dispatch({ label: "rejected", code: "fn main( {", workgroups: [1] }),
      };
      return { ...problem, variants: [standard!, rejected] };
    };
    const bench = { gpu, stopwatch, peaks, rounds: 1, peakRates: { arithmetic: [], copy: [] } };
    const { results, tuning } = await tuneKernels(gpu, bench, [{ ...contest, create }]);
    gpu.check();
    assert.equal(results.length, 1);
    assert.deepEqual(Object.keys(tuning), ["linear few"]);
  });
});
