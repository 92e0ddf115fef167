import assert from "node:assert/strict";
import { join } from "node:path";
import { driverBuild } from "../../src/gpu/driver_build.ts";
import { saveStorage, saveTuning, tuningOf } from "../../src/gpu/tuning.ts";
import { requestGpu } from "../../src/tuning/request.ts";
import { withCache } from "../cache.ts";

Deno.test("saveTuning() keeps the choice for this adapter and storage alone", async () => {
  await withCache(async (folder) => {
    using first = await requestGpu({ storage: "texture" });
    assert.equal(tuningOf(first), undefined);
    const file = saveTuning(first, { linear: "16x16 15" });
    assert.equal(file, join(folder, "spindle", "tuning.json"));
    assert.deepEqual(tuningOf(first), { linear: "16x16 15" });
    using again = await requestGpu({ storage: "texture" });
    using other = await requestGpu({ storage: "buffer" });
    assert.deepEqual([tuningOf(again), tuningOf(other)], [{ linear: "16x16 15" }, undefined]);
    saveTuning(other, { linear: "4x32 2" });
    using last = await requestGpu({ storage: "texture" });
    assert.deepEqual(tuningOf(last), { linear: "16x16 15" });
  });
});

Deno.test("tuningOf() ignores a cache that cannot be read or is of other kernels", async () => {
  await withCache(async () => {
    using tuned = await requestGpu();
    const file = saveTuning(tuned, { linear: "16x16 15" });
    const stale = { ...JSON.parse(await Deno.readTextFile(file)), version: 0 };
    for (const content of ["{ not JSON", "[]", '{"x": 1}', "", JSON.stringify(stale)]) {
      await Deno.writeTextFile(file, content);
      using gpu = await requestGpu();
      assert.equal(tuningOf(gpu), undefined);
    }
  });
});

Deno.test("tuningOf() ignores what was chosen on another build of a driver", async () => {
  await withCache(async () => {
    for (const os of [Deno.build.os, "linux", "darwin", "windows"] as const) {
      using _restored = pretendSystem(os);
      using tuned = await requestGpu();
      const file = saveTuning(tuned, { linear: "16x16 15" });
      const saved = JSON.parse(await Deno.readTextFile(file));
      const builds = driverBuild();
      assert.equal(builds.deno, Deno.version.deno);
      assert.equal(builds.system, os === "linux" ? undefined : Deno.osRelease());
      for (const [name, build] of Object.entries(builds)) {
        assert.equal(saved[name], build);
        for (const [known, kept] of [[undefined, true], [`${build}.1`, false]]) {
          await Deno.writeTextFile(file, JSON.stringify({ ...saved, [name]: known }));
          using gpu = await requestGpu();
          assert.equal(!!tuningOf(gpu), kept, `${name} ${known}`);
        }
      }
      await Deno.remove(file);
    }
  });
});

/** What the drivers are known by depends on the operating system. */
function pretendSystem(os: typeof Deno.build.os): Disposable {
  const { build } = Deno;
  const define = (value: typeof build) =>
    Object.defineProperty(Deno, "build", { value, configurable: true, writable: true });
  define({ ...build, os });
  return { [Symbol.dispose]: () => define(build) };
}

Deno.test("requestGpu() puts matrices where saveStorage() said, unless told otherwise", async () => {
  await withCache(async () => {
    using standard = await requestGpu();
    const other = standard.storage === "buffer" ? "texture" : "buffer";
    saveStorage(standard.adapter, other);
    using remembered = await requestGpu();
    using told = await requestGpu({ storage: standard.storage });
    assert.deepEqual([remembered.storage, told.storage], [other, standard.storage]);
  });
});
