import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { listStores } from "../../src/features/list.ts";
import { SplitWriter } from "../../src/features/split_writer.ts";
import {
  type FeatureStore,
  missingStates,
  partialBytes,
  readFeatures,
  stateBytes,
} from "../../src/features/store.ts";
import type { StateId } from "../../src/model/states.ts";
import { SpindleError } from "../../src/util.ts";
import { namesIn, withFolder } from "../folder.ts";
import { randomNumbers } from "../numbers.ts";
import { key, openStore, states, values } from "./support.ts";

/** Checks that the training rows of the store are those of {@linkcode values}. */
function assertWhole(store: FeatureStore): void {
  states.forEach((state, i) =>
    key.pools.forEach((pool, p) =>
      assert.deepEqual(
        readFeatures(store, "train", state, pool).read(0, 7),
        values(0, 7)[i]![p],
      )
    )
  );
}

Deno.test("an interrupted split is missing, and goes on at its last checkpoint", () =>
  withFolder(async (folder) => {
    const store = await openStore(folder, key);
    {
      using writer = new SplitWriter(store, "train", states);
      writer.write(values(0, 4), 4);
      await writer.checkpoint();
      writer.write(values(4, 6), 2);
    }
    assert.equal(missingStates(store, "train", states).length, 2);
    assert.throws(
      () => readFeatures(store, "train", states[0]!, "max").read(0, 7),
      SpindleError,
    );
    {
      using writer = new SplitWriter(store, "train", states);
      assert.equal(writer.rows, 4);
      writer.write(values(4, 7), 3);
      await writer.finish();
    }
    assert.deepEqual(
      readFeatures(store, "train", states[0]!, "max").read(0, 7),
      values(0, 7)[0]![0],
    );
    const names = namesIn(store.folder);
    assert.deepEqual(names, [
      "manifest.json",
      "train.activation.0.safetensors",
      "train.hidden.0.safetensors",
    ]);
  }));

Deno.test("a checkpoint counts the rows that were on disk before it was written", () =>
  withFolder(async (folder) => {
    const store = await openStore(folder, key);
    const note = join(store.folder, "train.progress.json");
    const synced: boolean[] = [];
    const { syncData } = Deno.FsFile.prototype;
    using restored = new DisposableStack();
    restored.defer(() => Deno.FsFile.prototype.syncData = syncData);
    Deno.FsFile.prototype.syncData = async function () {
      await syncData.call(this);
      synced.push(!existsSync(note));
    };
    using writer = new SplitWriter(store, "train", states);
    writer.write(values(0, 4), 4);
    const saved = writer.checkpoint();
    writer.write(values(4, 6), 2);
    await saved;
    assert.deepEqual(synced, [true, true]);
    assert.equal(JSON.parse(Deno.readTextFileSync(note)).rows, 4);
  }));

Deno.test("a note of progress of other states means a fresh start", () =>
  withFolder(async (folder) => {
    const store = await openStore(folder, key);
    {
      using writer = new SplitWriter(store, "train", states);
      writer.write(values(0, 4), 4);
      await writer.checkpoint();
    }
    using writer = new SplitWriter(store, "train", states.slice(0, 1));
    assert.equal(writer.rows, 0);
  }));

Deno.test("what an interrupted state takes of the disk is told, not how long its file is", () =>
  withFolder(async (folder) => {
    const store = await openStore(folder, key);
    const state: StateId = { ...states[0]!, width: 30_000 };
    assert.equal(partialBytes(store, "train", state), 0);
    const listed = () => listStores(folder)[0]!.bytes;
    const begun = listed();
    using writer = new SplitWriter(store, "train", [state]);
    for (const taken of [listed() - begun, partialBytes(store, "train", state)]) {
      assert.ok(taken < 100_000, `${taken}`);
    }
    writer.write([key.pools.map(() => randomNumbers(7 * state.width))], 7);
    await writer.checkpoint();
    const bytes = stateBytes(store, "train", state);
    assert.equal(bytes, 2 * 7 * 30_000 * 4);
    for (const taken of [listed() - begun, partialBytes(store, "train", state)]) {
      assert.ok(taken >= bytes && taken < bytes + 100_000, `${taken} of ${bytes}`);
    }
  }));

Deno.test("an unreadable note of progress means a fresh start", () =>
  withFolder(async (folder) => {
    const store = await openStore(folder, key);
    {
      using writer = new SplitWriter(store, "train", states);
      writer.write(values(0, 4), 4);
      await writer.checkpoint();
    }
    Deno.writeTextFileSync(join(store.folder, "train.progress.json"), '{"rows": 4');
    using writer = new SplitWriter(store, "train", states);
    assert.equal(writer.rows, 0);
  }));

Deno.test("a note of progress that its files do not bear out means a fresh start", () =>
  withFolder(async (folder) => {
    const store = await openStore(folder, key);
    const note = join(store.folder, "train.progress.json");
    const names = states.map(({ name }) => name);
    const restart = () => {
      using writer = new SplitWriter(store, "train", states);
      return writer.rows;
    };
    {
      using writer = new SplitWriter(store, "train", states);
      writer.write(values(0, 4), 4);
      await writer.checkpoint();
    }
    assert.equal(restart(), 4);
    for (const rows of [-5, 1.5, 8, "4"]) {
      Deno.writeTextFileSync(note, JSON.stringify({ rows, states: names }));
      assert.equal(restart(), 0);
    }
    Deno.writeTextFileSync(note, JSON.stringify({ rows: 4, states: names }));
    Deno.truncateSync(join(store.folder, "train.hidden.0.safetensors.partial"), 10);
    assert.equal(restart(), 0);
  }));

Deno.test("two writers of the same features both end well", () =>
  withFolder(async (folder) => {
    const store = await openStore(folder, key);
    using one = new SplitWriter(store, "train", states);
    using other = new SplitWriter(store, "train", states);
    for (const writer of [one, other]) {
      writer.write(values(0, 7), 7);
      await writer.finish();
    }
    assertWhole(store);
  }));

Deno.test("a writer that begins when another has finished leaves nothing of its own", () =>
  withFolder(async (folder) => {
    const store = await openStore(folder, key);
    for (let i = 0; i < 2; i++) {
      using writer = new SplitWriter(store, "train", states);
      writer.write(values(0, 7), 7);
      await writer.finish();
    }
    const names = namesIn(store.folder);
    assert.ok(!names.some((name) => name.endsWith(".partial")), names.join());
  }));

Deno.test("a writer whose files were removed leaves those of another alone, and says so", () =>
  withFolder(async (folder) => {
    const store = await openStore(folder, key);
    using writer = new SplitWriter(store, "train", states);
    writer.write(values(0, 7), 7);
    const refused = { message: /^Cannot finish ".*" as it was removed or replaced while .*again$/ };
    const isRefused = async () => {
      await assert.rejects(writer.checkpoint(), refused);
      await assert.rejects(writer.finish(), refused);
    };
    Deno.removeSync(store.folder, { recursive: true });
    await isRefused();
    await openStore(folder, key);
    using other = new SplitWriter(store, "train", states);
    other.write(values(0, 2), 2);
    await isRefused();
    const names = namesIn(store.folder);
    assert.deepEqual(names, [
      "manifest.json",
      "train.activation.0.safetensors.partial",
      "train.hidden.0.safetensors.partial",
    ]);

    other.write(values(2, 7), 5);
    await other.finish();
    await writer.finish();
    assertWhole(store);
  }));

Deno.test("a writer of which one file was removed makes none whole", () =>
  withFolder(async (folder) => {
    const store = await openStore(folder, key);
    using writer = new SplitWriter(store, "train", states);
    writer.write(values(0, 7), 7);
    Deno.removeSync(join(store.folder, "train.activation.0.safetensors.partial"));
    await assert.rejects(writer.finish(), SpindleError);
    assert.equal(missingStates(store, "train", states).length, 2);
  }));
