import assert from "node:assert/strict";
import { type Bench, measureProblem, shareOfPeak } from "../../src/bench/measure.ts";
import { normProblem } from "../../src/bench/norm.ts";
import { createPeakKernels } from "../../src/bench/peak.ts";
import { Gpu } from "../../src/gpu/device.ts";
import { comparableMs, roundRobin } from "../../src/measure/contestant.ts";
import { summarize } from "../../src/measure/numbers.ts";
import type { Problem, Variant } from "../../src/measure/problem.ts";
import {
  type Clock,
  clocksAgree,
  repeatsOf,
  startStopwatch,
  WallStopwatch,
} from "../../src/measure/stopwatch.ts";
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

Deno.test("a stopwatch's timestamps agree with the host's clock on long work", async () => {
  using gpu = await requestGpu();
  using peaks = createPeakKernels(gpu);
  using stopwatch = await startStopwatch(gpu, peaks.arithmetic.record);
  const { wall, timestamps } = await stopwatch.time(peaks.arithmetic.record, 20);
  assert.ok(wall > 0);
  if (stopwatch.clock === "timestamps") {
    assert.ok(timestamps > 0 && timestamps < 1.05 * wall, `${timestamps} ms of ${wall}`);
  } else assert.ok(Number.isNaN(timestamps));
});

Deno.test("clocksAgree() finds sane timestamps where the host was held up at first", async () => {
  const agree = (...walls: number[]) =>
    clocksAgree(() =>
      Promise.resolve({ wall: walls.shift() ?? NaN, timestamps: 10, processor: NaN })
    );
  assert.equal(await agree(11), true);
  assert.equal(await agree(20, 50, 11), true);
  assert.equal(await agree(20, 5, 20, 5, 20), false);
  assert.equal(await agree(), false);
});

Deno.test("a stopwatch waits for the work itself, whatever the queue's own promise does", async () => {
  using gpu = await requestGpu();
  using peaks = createPeakKernels(gpu);
  using stopwatch = new WallStopwatch(gpu);
  const time = async () =>
    comparableMs({ gpu, stopwatch }, await stopwatch.time(peaks.arithmetic.record, 20));
  await time(); // compiles
  const queue = GPUQueue.prototype;
  const { onSubmittedWorkDone } = queue;
  using owned = new DisposableStack();
  owned.defer(() => queue.onSubmittedWorkDone = onSubmittedWorkDone);
  // The least of some, for whatever else this process does takes time of the processor, too.
  const before = Math.min(await time(), await time(), await time());
  queue.onSubmittedWorkDone = () => Promise.resolve(undefined);
  const after = await time();
  assert.ok(after > 0.3 * before, `${after} ms after ${before} ms`);
});

Deno.test("repeatsOf() is not misled by what it costs to submit a piece", async () => {
  const time = (_record: unknown, repeats: number) =>
    Promise.resolve({ wall: 10 / repeats + 0.1, timestamps: 0.1, processor: NaN });
  const repeats = (clock: Clock, milliseconds?: number) =>
    repeatsOf({ clock, time, [Symbol.dispose]() {} }, () => {}, milliseconds);
  for (const milliseconds of [11, 20, undefined]) {
    const needed = 10 * (milliseconds ?? 25);
    const [byWall, byTimestamps] = [
      await repeats("wall", milliseconds),
      await repeats("timestamps", milliseconds),
    ];
    assert.ok(10 + 0.1 * byWall >= needed / 10 && byWall < needed, `${byWall} of ${needed}`);
    assert.equal(byTimestamps, needed);
  }
});

Deno.test("roundRobin() lets everyone run before anyone runs again", async () => {
  const order: string[] = [];
  const contestant = (name: string) => ({
    run: () => {
      order.push(name);
      return Promise.resolve({ wall: order.length, timestamps: NaN, processor: NaN });
    },
  });
  const times = await roundRobin([contestant("a"), contestant("b")], 2);
  assert.deepEqual(order, ["a", "b", "a", "b"]);
  assert.deepEqual(times.map((list) => list.map(({ wall }) => wall)), [[1, 3], [2, 4]]);
});

Deno.test("roundRobin() leaves out who has had its rounds", async () => {
  const run = () => Promise.resolve({ wall: 1, timestamps: NaN, processor: NaN });
  const times = await roundRobin([{ run }, { run, rounds: 2 }], 3);
  assert.deepEqual(times.map((list) => list.length), [3, 2]);
});

Deno.test("summarize() gives the median and the least", () => {
  assert.deepEqual(summarize([5, 1, 3]), { median: 3, best: 1 });
  assert.deepEqual(summarize([4, 1, 3, 2]), { median: 2.5, best: 1 });
});
