import assert from "node:assert/strict";
import { join } from "node:path";
import { Gpu } from "../../src/gpu/device.ts";
import { requestGpu } from "../../src/gpu/request.ts";
import { createStorage } from "../../src/gpu/memory.ts";
import { readStorage } from "../../src/gpu/read_storage.ts";
import { tuningOf } from "../../src/gpu/tuning.ts";
import { attentionVariants } from "../../src/ops/attention_variants.ts";
import { linearTiles } from "../../src/ops/linear_tiles.ts";
import { marginHeights } from "../../src/ops/logistic_margins.ts";
import { chooseFastest } from "../../src/tuning/choice.ts";
import {
  attentionContest,
  type Contest,
  linearContest,
  marginsContest,
} from "../../src/tuning/contests.ts";
import { tuneOnFirstUse } from "../../src/tuning/first_use.ts";
import { SpindleError } from "../../src/util.ts";
import { assertFreed } from "../gpu.ts";
import { withCache } from "../cache.ts";

/** Too small to tell which variant is faster, and quick. */
const contests: Contest[] = [
  linearContest("few", [7, 13, 37]),
  linearContest("many", [37, 13, 7]),
  attentionContest({ sentences: 1, tokens: 13, heads: 1, headWidth: 4 }),
  marginsContest(37, 13, 7),
];

function assertTuned(gpu: Gpu): void {
  const tuning = tuningOf(gpu) ?? {};
  assert.deepEqual(Object.keys(tuning), [
    "linear few",
    "linear many",
    "attention short",
    "logistic margins",
  ]);
  assert.ok(linearTiles(gpu, "few").has(tuning["linear few"]!));
  assert.ok(linearTiles(gpu, "many").has(tuning["linear many"]!));
  assert.ok(attentionVariants(gpu, "short").has(tuning["attention short"]!));
  assert.ok(marginHeights(gpu).has(tuning["logistic margins"]!));
  assertFreed(gpu);
}

Deno.test("tuneOnFirstUse() chooses a variant of each kernel once for all later starts", async () => {
  await withCache(async (folder) => {
    using gpu = await requestGpu();
    assert.equal(tuningOf(gpu), undefined);
    await Promise.all([tuneOnFirstUse(gpu, contests), tuneOnFirstUse(gpu, contests)]);
    assertTuned(gpu);
    const file = join(folder, "spindle", "tuning.json");
    const { mtime } = await Deno.stat(file);
    using next = await requestGpu();
    assert.deepEqual(tuningOf(next), tuningOf(gpu));
    await tuneOnFirstUse(next, contests);
    assert.deepEqual((await Deno.stat(file)).mtime, mtime);
  });
});

Deno.test("tuneOnFirstUse() serves the run where the cache folder cannot be written", async () => {
  await withCache(async (folder) => {
    await Deno.writeTextFile(join(folder, "spindle"), "a file in the place of the folder");
    using gpu = await requestGpu();
    await tuneOnFirstUse(gpu, contests);
    assertTuned(gpu);
    using next = await requestGpu();
    assert.equal(tuningOf(next), undefined);
  });
});

Deno.test("tuneOnFirstUse() tunes a hardware GPU for both kinds of memory", async () => {
  await withCache(async () => {
    const { device, adapter, features } = await requestGpu();
    const described = { ...adapter, software: false };
    using gpu = new Gpu(device, described, features, 64, false, "buffer");
    await tuneOnFirstUse(gpu, contests);
    assertTuned(gpu);
    assertTuned(new Gpu(device, described, features, 64, false, "texture"));
  });
});

Deno.test("tuneOnFirstUse() keeps to one kind of memory where the other fails", async () => {
  await withCache(async () => {
    const { device, adapter, features } = await requestGpu();
    using gpu = new Gpu(device, { ...adapter, software: false }, features, 64, false, "buffer");
    const [few, ...others] = contests;
    const create: Contest["create"] = (gpu) => {
      if (gpu.storage === "texture") throw new SpindleError("no textures today");
      return few!.create(gpu);
    };
    await tuneOnFirstUse(gpu, [{ ...few!, create }, ...others]);
    assertTuned(gpu);
    // What is rejected from then on is not lost.
    using storage = createStorage(gpu, 16, "small");
    storage.write(new Float32Array(400));
    await assert.rejects(readStorage(storage), /The GPU rejected a command/);
  });
});

Deno.test("chooseFastest() leaves the default only for what is clearly faster", () => {
  const timed = (standard: number, other: number) => [
    { name: "default", cost: standard },
    { name: "slow", cost: 2 * standard },
    { name: "other", cost: other },
  ];
  assert.equal(chooseFastest(timed(1, 0.99)), "default");
  assert.equal(chooseFastest(timed(1, 0.9)), "other");
  assert.equal(chooseFastest(timed(1, 1.1)), "default");
});
