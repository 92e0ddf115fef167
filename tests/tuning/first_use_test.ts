import assert from "node:assert/strict";
import { join } from "node:path";
import type { Gpu } from "../../src/gpu/device.ts";
import type { Dispatch } from "../../src/gpu/dispatch.ts";
import { createStorage } from "../../src/gpu/memory.ts";
import { readStorage } from "../../src/gpu/read_storage.ts";
import { storageOf, tuningOf } from "../../src/gpu/tuning.ts";
import type { Variant } from "../../src/measure/problem.ts";
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
import { requestGpu } from "../../src/tuning/request.ts";
import { compareDevices } from "../../src/tuning/timing.ts";
import { SpindleError } from "../../src/util.ts";
import { withCache } from "../cache.ts";
import { assertFreed, requestHardware } from "../gpu.ts";

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
    using gpu = await requestHardware();
    await tuneOnFirstUse(gpu, contests);
    assertTuned(gpu);
    using other = await requestHardware({ storage: "texture" });
    assertTuned(other);
  });
});

Deno.test("tuneOnFirstUse() keeps to one kind of memory where the other fails", async () => {
  await withCache(async () => {
    using gpu = await requestHardware();
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

/** The contests, the first of them with its variants changed. */
function withVariants(
  change: (variants: readonly Variant[], gpu: Gpu) => Variant[],
  problems: readonly ("create" | "createOdd")[] = ["create", "createOdd"],
): Contest[] {
  const [few, ...others] = contests;
  const changed = problems.map((name) => {
    const create: Contest["create"] = (gpu) => {
      const problem = few![name](gpu);
      return { ...problem, variants: change(problem.variants, gpu) };
    };
    return [name, create];
  });
  return [{ ...few!, ...Object.fromEntries(changed) }, ...others];
}

const brokenCode: Dispatch = { label: "broken", code: "fn main( {", workgroups: [1] };

for (const request of [requestGpu, requestHardware]) {
  Deno.test(`tuneOnFirstUse() passes over what is not taken, ${request.name}()`, async () => {
    await withCache(async () => {
      using gpu = await request();
      const changed = withVariants(([standard, ...others]) => [
        standard!,
        { ...standard!, name: "rejected", record: (recorder) => recorder.dispatch(brokenCode) },
        {
          ...standard!,
          name: "refused",
          record: () => {
            throw new SpindleError("Cannot run this kernel");
          },
        },
        ...others,
      ]);
      await tuneOnFirstUse(gpu, changed);
      gpu.check();
      assertTuned(gpu);
    });
  });
}

Deno.test("tuneOnFirstUse() holds to the defaults where a variant takes the device down", async () => {
  await withCache(async () => {
    using gpu = await requestHardware();
    const changed = withVariants(([standard, other], gpu) => [standard!, {
      ...other!,
      record: () => gpu.device.destroy(),
    }]);
    await tuneOnFirstUse(gpu, changed);
    gpu.check();
    assert.deepEqual(tuningOf(gpu), {});
    using next = await requestHardware();
    assert.equal(tuningOf(next), undefined);
  });
});

Deno.test("tuneOnFirstUse() refuses an adapter that rejects the default", async () => {
  await withCache(async () => {
    using gpu = await requestGpu();
    const changed = withVariants(([standard]) => [
      { ...standard!, record: (recorder) => recorder.dispatch(brokenCode) },
    ]);
    await assert.rejects(tuneOnFirstUse(gpu, changed), /The GPU rejected a command/);
  });
});

for (
  const { what, wrong, problem, how } of [
    {
      what: "is not what float64 gives",
      wrong: (y: Float32Array) => y.with(-1, y.at(-1)! + 1),
      problem: "createOdd",
      how:
        /^SpindleError: Cannot use .* as linear few is \d\.\de[-+]\d off on it: update its driver/,
    },
    {
      what: "has no numbers at the usual size",
      wrong: (y: Float32Array) => y.fill(NaN),
      problem: "create",
      how: /^SpindleError: Cannot use .* as linear few computes what is no number on it: update/,
    },
  ] as const
) {
  for (const request of [requestGpu, requestHardware]) {
    Deno.test(`tuneOnFirstUse() refuses a default that ${what}, ${request.name}()`, async () => {
      await withCache(async () => {
        using gpu = await request();
        const changed = withVariants(
          (variants) => variants.map((variant) => ({ ...variant, pick: wrong })),
          [problem],
        );
        await assert.rejects(tuneOnFirstUse(gpu, changed), how);
        assert.equal(tuningOf(gpu), undefined);
        assertFreed(gpu);
      });
    });
  }
}

Deno.test({
  name: "tuneOnFirstUse() notices subgroups that are not what they were thought to be",
  ignore: !await hasOtherSubgroups(),
  fn: () =>
    withCache(async () => {
      using gpu = await requestHardware({ subgroups: true });
      await assert.rejects(tuneOnFirstUse(gpu, contests), /Cannot use .* on it: update its driver/);
    }),
});

/** Whether there are subgroups, and not of as many lanes as {@linkcode requestHardware} takes. */
async function hasOtherSubgroups(): Promise<boolean> {
  using gpu = await requestGpu();
  using hardware = await requestHardware();
  return gpu.subgroups && gpu.lanes !== hardware.lanes;
}

Deno.test("tuneOnFirstUse() holds to the defaults where the driver gives no second device", async () => {
  await withCache(async () => {
    using gpu = await requestHardware();
    using owned = new DisposableStack();
    const { requestDevice } = GPUAdapter.prototype;
    owned.defer(() => GPUAdapter.prototype.requestDevice = requestDevice);
    GPUAdapter.prototype.requestDevice = () => Promise.reject(new Error("not today"));
    await tuneOnFirstUse(gpu, contests);
    gpu.check();
    assert.deepEqual(tuningOf(gpu), {});
    assert.equal(storageOf(gpu.adapter), undefined);
  });
});

Deno.test("compareDevices() tells how much faster the other is", async () => {
  await withCache(async () => {
    using gpu = await requestGpu({ storage: "buffer" });
    using other = await requestGpu({ storage: "texture" });
    const contest = linearContest("many", [64, 64, 64]);
    const create: Contest["create"] = (gpu) => {
      const problem = contest.create(gpu);
      const [standard] = problem.variants;
      const record: Variant["record"] = (recorder) => {
        for (let i = 0; i < (gpu.storage === "buffer" ? 8 : 1); i++) standard!.record(recorder);
      };
      return { ...problem, variants: [{ ...standard!, record }] };
    };
    assert.ok(await compareDevices(gpu, other, [{ ...contest, create }]) > 1.5);
    assert.ok(await compareDevices(other, gpu, [{ ...contest, create }]) < 0.7);
    assertFreed(gpu);
    assertFreed(other);
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
