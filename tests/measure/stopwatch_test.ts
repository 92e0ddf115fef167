import assert from "node:assert/strict";
import { createPeakKernels } from "../../src/bench/peak.ts";
import { comparableMs } from "../../src/measure/contestant.ts";
import {
  type Clock,
  clocksAgree,
  repeatsOf,
  startStopwatch,
  WallStopwatch,
} from "../../src/measure/stopwatch.ts";
import { requestGpu } from "../../src/tuning/request.ts";

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
