import assert from "node:assert/strict";
import { type Bench, measureProblem, roundRobin } from "../../src/bench/measure.ts";
import { summarize } from "../../src/bench/numbers.ts";
import { createPeakKernels } from "../../src/bench/peak.ts";
import type { Problem } from "../../src/bench/problem.ts";
import { normProblem } from "../../src/bench/norm.ts";
import { startStopwatch } from "../../src/bench/stopwatch.ts";
import { requestGpu } from "../../src/gpu/request.ts";

Deno.test("measureProblem() does not time a variant that computes something wrong", async () => {
  using gpu = await requestGpu();
  using peaks = createPeakKernels(gpu);
  using stopwatch = await startStopwatch(gpu, peaks.arithmetic.record);
  using norm = normProblem(gpu, 13, 36);
  const [right] = norm.variants;
  let runs = 0;
  const wrong = {
    name: "wrong",
    record: (recorder: Parameters<NonNullable<typeof right>["record"]>[0]) => {
      runs++;
      right!.record(recorder);
    },
    output: right!.output,
    pick: (output: Float32Array) => output.map((value) => value + 1),
  };
  const problem: Problem = { ...norm, variants: [wrong, right!], [Symbol.dispose]() {} };
  const peakRates = { arithmetic: [], copy: [] };
  const bench: Bench = { gpu, stopwatch, peaks, rounds: 2, peakRates };
  const [first, second] = await measureProblem(bench, problem);
  assert.equal(runs, 1, "run once, to be checked");
  assert.deepEqual([first!.correct, first!.medianMs, first!.gbps], [false, NaN, undefined]);
  assert.ok(second!.correct && second!.medianMs >= second!.bestMs && second!.bestMs > 0);
  assert.ok(second!.gbps! > 0 && second!.share > 0);
  assert.equal(bench.peakRates.copy.length, 2);
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
