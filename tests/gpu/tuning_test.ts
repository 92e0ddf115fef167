import assert from "node:assert/strict";
import { join } from "node:path";
import { requestGpu } from "../../src/gpu/device.ts";
import { saveTuning, tuningOf } from "../../src/gpu/tuning.ts";
import { withFolder } from "../cli/support.ts";

/** Runs `body` with an empty cache folder in the place of the user's. */
async function withCache(body: (folder: string) => Promise<void>): Promise<void> {
  const before = Deno.env.get("XDG_CACHE_HOME");
  await withFolder(async (folder) => {
    Deno.env.set("XDG_CACHE_HOME", folder);
    try {
      await body(folder);
    } finally {
      if (before === undefined) Deno.env.delete("XDG_CACHE_HOME");
      else Deno.env.set("XDG_CACHE_HOME", before);
    }
  });
}

Deno.test("saveTuning() keeps the choice for this adapter and storage alone", async () => {
  await withCache(async (folder) => {
    using first = await requestGpu({ storage: "texture" });
    assert.deepEqual(tuningOf(first), {});
    const file = saveTuning(first, { linear: "16x16 15" });
    assert.equal(file, join(folder, "spindle", "tuning.json"));
    assert.deepEqual(tuningOf(first), { linear: "16x16 15" });
    using again = await requestGpu({ storage: "texture" });
    using other = await requestGpu({ storage: "buffer" });
    assert.deepEqual([tuningOf(again), tuningOf(other)], [{ linear: "16x16 15" }, {}]);
    saveTuning(other, { linear: "4x32 2" });
    using last = await requestGpu({ storage: "texture" });
    assert.deepEqual(tuningOf(last), { linear: "16x16 15" });
  });
});

Deno.test("tuningOf() ignores a cache that cannot be read", async () => {
  await withCache(async (folder) => {
    await Deno.mkdir(join(folder, "spindle"));
    for (const content of ["{ not JSON", "[]", '{"x": 1}', ""]) {
      await Deno.writeTextFile(join(folder, "spindle", "tuning.json"), content);
      using gpu = await requestGpu();
      assert.deepEqual(tuningOf(gpu), {});
    }
  });
});
