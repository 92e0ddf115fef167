import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  forwardBound,
  forwardError,
  runForward,
  sampleSentences,
  sampleTokens,
} from "../../src/bench/forward.ts";
import { countsNear } from "../../src/bench/measure_forward.ts";
import { timeDispatch, timeOverhead } from "../../src/bench/overhead.ts";
import { createPeakKernels } from "../../src/bench/peak.ts";
import { startStopwatch } from "../../src/measure/stopwatch.ts";
import { loadModel } from "../../src/model/load.ts";
import { requestGpu } from "../../src/tuning/request.ts";
import { DispatchLog } from "../gpu/dispatch_log.ts";

const folder = fileURLToPath(new URL("../../models/all-MiniLM-L6-v2", import.meta.url));

Deno.test("the forward pass of the bundled model agrees with float64 at every state", async () => {
  using gpu = await requestGpu();
  using model = await loadModel(gpu, folder);
  const ids = model.tokenize(["a fine film", "", "a waste of time, and of a good cast"]);
  const sample = sampleSentences(ids, 3);
  const captured = await runForward(model, sample);
  const error = forwardError(model, sample, captured);
  assert.ok(error > 0 && error <= forwardBound / 10, `error ${error}`);
  // What any state and pool is off by is found.
  for (const pool of ["first", "max", "mean"] as const) {
    const values = captured.states.get("activation.3")!.values[pool]!;
    values[values.length - 1]! += 1;
    assert.ok(forwardError(model, sample, captured) > forwardBound);
    values[values.length - 1]! -= 1;
  }
});

Deno.test("sampleSentences() takes them evenly and puts them in the order of their lengths", () => {
  const all = [4, 1, 3, 2, 6, 5].map((length) => Array<number>(length).fill(length));
  const { ids, tokens } = sampleSentences(all, 3);
  assert.deepEqual(ids.map((sentence) => sentence.length), [3, 4, 6]);
  assert.equal(tokens, 13);
  assert.equal(sampleSentences(all, 100).ids.length, 6);
});

Deno.test("sampleTokens() repeats sentences where there are too few", () => {
  const all = [7, 1, 4, 8].map((length) => Array<number>(length).fill(length));
  for (const wanted of [8, 20, 1000]) {
    const { ids, tokens } = sampleTokens(all, wanted);
    assert.ok(Math.abs(tokens - wanted) < 10, `${tokens} tokens instead of ${wanted}`);
    const lengths = ids.map((sentence) => sentence.length);
    assert.deepEqual(lengths, lengths.toSorted((a, b) => a - b));
  }
});

Deno.test("countsNear() leaves out runs of far more tokens than a sample has", () => {
  const counts = [50, 100, 5_000, 10_000].map((tokens) => countsNear(tokens).length);
  assert.deepEqual(counts, [0, 1, 2, 3]);
});

async function hasTimestamps(): Promise<boolean> {
  using gpu = await requestGpu();
  using peaks = createPeakKernels(gpu);
  using stopwatch = await startStopwatch(gpu, peaks.arithmetic.record);
  return stopwatch.clock === "timestamps";
}

Deno.test({
  name: "timeOverhead() tells the shares of a forward pass that are not work",
  ignore: !await hasTimestamps(),
  async fn() {
    using gpu = await requestGpu();
    using model = await loadModel(gpu, folder);
    const sample = sampleTokens(model.tokenize(["a fine film", "a waste of a good cast"]), 500);
    const run = () => runForward(model, sample);
    await run(); // compiles
    using log = new DispatchLog();
    const { wall, idle, dispatch } = await timeOverhead(gpu, 0.01, run);
    const { length } = log.dispatches;
    assert.ok(length > 0 && Math.abs(dispatch * wall - 0.01 * length) < 1e-6);
    // A fast GPU may wait for the host most of the time.
    const most = gpu.adapter.software ? 0.9 : 1;
    assert.ok(idle > 0 && idle < most, `the GPU was idle for ${idle} of ${wall} ms`);
    const paused = await timeOverhead(gpu, 0.01, async () => {
      await run();
      await new Promise((resolve) => setTimeout(resolve, 2 * wall));
    });
    const idleMs = paused.idle * paused.wall;
    assert.ok(idleMs > 1.9 * wall, `idle for ${idleMs} ms though the host paused ${2 * wall} ms`);
  },
});

Deno.test("timeDispatch() leaves out what it takes to compile", async () => {
  let calls = 0;
  const time = () =>
    Promise.resolve({ wall: NaN, timestamps: calls++ ? 0.003 : 5, processor: NaN });
  const stopwatch = { clock: "timestamps", time, [Symbol.dispose]() {} } as const;
  assert.equal(await timeDispatch(stopwatch), 0.003);
});
