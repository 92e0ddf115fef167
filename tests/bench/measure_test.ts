import assert from "node:assert/strict";
import { type Bench, measureProblem, shareOfPeak } from "../../src/bench/measure.ts";
import { normProblem } from "../../src/bench/norm.ts";
import { createPeakKernels } from "../../src/bench/peak.ts";
import { Gpu } from "../../src/gpu/device.ts";
import type { Problem, Variant } from "../../src/measure/problem.ts";
import { type Clock, startStopwatch } from "../../src/measure/stopwatch.ts";
import { requestGpu } from "../../src/tuning/request.ts";

/** Measures variants of a small problem, made of the right one. */
async function measure(variantsOf: (right: Variant, problem: Problem) => Variant[]) {
  using gpu = await requestGpu();
  using peaks = createPeakKernels(gpu);
  using stopwatch = await startStopwatch(gpu, peaks.arithmetic.record);
  using norm = normProblem(gpu, 13, 36);
  const variants = variantsOf(norm.variants[0]!, norm);
  const peakRates = { arithmetic: [], copy: [] };
  const bench: Bench = { gpu, stopwatch, peaks, rounds: 2, peakRates };
  const problem: Problem = { ...norm, variants, [Symbol.dispose]() {} };
  return { results: await measureProblem(bench, problem), bench };
}

Deno.test("measureProblem() does not time a variant that computes something wrong", async () => {
  let runs = 0;
  const { results: [first, second], bench } = await measure((right, { bound, expected }) => {
    // What an error is measured by.
    const unit = expected().reduce((max, value) => Math.max(max, Math.abs(value)), 1);
    const wrong: Variant = {
      ...right,
      name: "wrong",
      record(recorder) {
        runs++;
        right.record(recorder);
      },
      pick: (output) => output.map((value) => value + 3 * bound * unit),
    };
    return [wrong, right];
  });
  assert.equal(runs, 1, "run once, to be checked");
  assert.deepEqual([first!.correct, first!.medianMs, first!.gbps], [false, NaN, undefined]);
  assert.ok(second!.correct && second!.medianMs >= second!.bestMs && second!.bestMs > 0);
  assert.ok(second!.gbps! > 0 && second!.share > 0);
  assert.equal(bench.peakRates.copy.length, 2);
});

Deno.test("measureProblem() tells by shares what a step gains over the step that it changes", async () => {
  const { results } = await measure((right) => [
    { ...right, name: "a", lesson: "first" },
    { ...right, name: "b", lesson: "second" },
    { ...right, name: "c", lesson: "third", builtOn: "a" },
    { ...right, name: "d", lesson: "wrong", pick: (output) => output.map(() => NaN) },
    { ...right, name: "e", lesson: "after a wrong one" },
    { ...right, name: "f" },
  ]);
  const [a, b, c, ...others] = results;
  assert.deepEqual([a!.gain, ...others.map(({ gain }) => gain)], Array(4).fill(undefined));
  assert.equal(b!.gain, b!.share / a!.share);
  assert.equal(c!.gain, c!.share / a!.share);
});

Deno.test("shareOfPeak() compares each round with the peak's, by the clock that counts", async () => {
  using gpu = await requestGpu({ storage: "buffer" });
  const { device, adapter, features } = gpu;
  // Not disposed: the device is the other's.
  const hardware = new Gpu(device, { ...adapter, software: false }, features, 64, false, "buffer");
  const software = new Gpu(device, { ...adapter, software: true }, features, 64, false, "buffer");
  const time = (wall: number, timestamps: number, processor: number) => (
    { wall, timestamps, processor }
  );
  const times = [time(2, 1, 16), time(4, 2, 4), time(8, 4, 32)];
  const peakTimes = [time(1, 4, 4), time(8, 16, 2), time(8, 8, 4)];
  const peak = { work: 100, record() {} };
  const shareOf = (gpu: Gpu, clock: Clock) => {
    const stopwatch = { clock } as Bench["stopwatch"];
    return shareOfPeak({ gpu, stopwatch } as Bench, 50, times, { peak, peakTimes });
  };
  assert.equal(shareOf(hardware, "wall"), 0.5); // of 0.25, 1 and 0.5
  assert.equal(shareOf(hardware, "timestamps"), 2); // of 2, 4 and 1
  assert.equal(shareOf(software, "timestamps"), 0.125); // of 0.125, 0.25 and 0.0625
});
