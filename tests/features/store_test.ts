import assert from "node:assert/strict";
import { join } from "node:path";
import { lastUse, rememberUse } from "../../src/features/last_use.ts";
import { listStores, removeStore } from "../../src/features/list.ts";
import { defaultFeatureFolder, removalCommand } from "../../src/features/location.ts";
import { SplitWriter } from "../../src/features/split_writer.ts";
import {
  beginStore,
  findRicherStore,
  findStore,
  missingStates,
  readFeatures,
  requireRoom,
  type StoreKey,
} from "../../src/features/store.ts";
import { writeSafetensors } from "../../src/formats/safetensors.ts";
import { shellWord } from "../../src/util.ts";
import { withCache } from "../cache.ts";
import { runCode } from "../cli/support.ts";
import { namesIn, withFolder } from "../folder.ts";
import { key, openStore, states, values } from "./support.ts";

Deno.test("a feature store gives back each pool's rows, also a part of them", () =>
  withFolder(async (folder) => {
    const store = await openStore(folder, key);
    {
      using writer = new SplitWriter(store, "train", states);
      writer.write(values(0, 4), 4);
      writer.write(values(4, 7), 3);
      await writer.finish();
    }
    assert.deepEqual(missingStates(store, "train", states), []);
    const mean = readFeatures(store, "train", states[1]!, "mean");
    assert.deepEqual([mean.rows, mean.cols], [7, 5]);
    assert.deepEqual(mean.read(0, 7), values(0, 7)[1]![1]);
    assert.deepEqual(mean.read(3, 5), values(3, 5)[1]![1]);
  }));

Deno.test("features that are damaged or of another type or shape are refused with what removes them", () =>
  withFolder(async (folder) => {
    const store = await openStore(folder, key);
    const path = join(store.folder, "train.hidden.0.safetensors");
    const advice = `: remove them with "${removalCommand(store.folder)}" and run again`;
    const refused = (reason: string) =>
      assert.throws(
        () => readFeatures(store, "train", states[0]!, "max").read(0, 2),
        {
          name: "SpindleError",
          message: `Cannot use the features "${path}" as ${reason}${advice}`,
        },
      );
    const write = (dtype: "F32" | "F64", shape: number[], pool = "max") => {
      const size = shape.reduce((product, length) => product * length);
      const data = dtype === "F32" ? new Float32Array(size) : new Float64Array(size);
      writeSafetensors(path, new Map([[pool, { dtype, shape, data }]]));
    };
    write("F32", [7, 3]);
    assert.equal(readFeatures(store, "train", states[0]!, "max").read(0, 2).length, 6);
    write("F32", [8, 3]);
    refused("their max pool is F32 [8, 3] where F32 [7, 3] is needed");
    write("F32", [7, 4]);
    refused("their max pool is F32 [7, 4] where F32 [7, 3] is needed");
    write("F64", [7, 3]);
    refused("their max pool is F64 [7, 3] where F32 [7, 3] is needed");
    write("F32", [7, 3], "mean");
    refused("their max pool is missing where F32 [7, 3] is needed");
    Deno.truncateSync(path, 100);
    refused("the file is damaged");
    Deno.removeSync(path);
    assert.throws(
      () => readFeatures(store, "train", states[0]!, "max").read(0, 2),
      { message: `Cannot read the features "${path}" as they were removed: run again` },
    );
  }));

Deno.test("readFeatures() refuses a pool that the store was not made to hold", () =>
  withFolder(async (folder) => {
    const refused = async (pools: StoreKey["pools"], held: string) => {
      const store = await openStore(folder, { ...key, pools });
      assert.throws(() => readFeatures(store, "train", states[0]!, "last"), {
        name: "SpindleError",
        message: `Cannot read the pool "last" of "${store.folder}" as it holds ${held}: ` +
          "extract features with that pool",
      });
    };
    await refused(["max", "mean"], "only max, mean");
    await refused([], "none");
  }));

Deno.test("removalCommand() names the folder of features only where it is not the default", () =>
  withCache((cache) => {
    const folder = join(cache, "spindle", "features");
    assert.equal(defaultFeatureFolder(), folder);
    assert.equal(removalCommand(join(folder, "abc")), "spindle features --remove abc");
    assert.equal(
      removalCommand(join(cache, "abc")),
      `spindle features --features ${shellWord(cache)} --remove abc`,
    );
    return Promise.resolve();
  }));

Deno.test("stores of other keys lie in other folders", () =>
  withFolder(async (folder) => {
    const one = await openStore(folder, key);
    const other = await openStore(folder, { ...key, datasetSha256: "e" });
    assert.notEqual((await openStore(folder, { ...key, adapter: "b" })).folder, one.folder);
    assert.notEqual(one.folder, other.folder);
    assert.equal((await openStore(folder, key)).folder, one.folder);
  }));

Deno.test("beginStore() leaves nothing behind where the disk has no room", () =>
  withFolder(async (folder) => {
    const store = await findStore(join(folder, "features"), key);
    assert.throws(() => beginStore(store, 1e18), /^SpindleError: Cannot extract features/);
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  }));

Deno.test("listStores() says in one sentence that it may not look", () =>
  withFolder(async (folder) => {
    const { code, stderr } = await runCode(`
      import { listStores } from "CLI/../features/list.ts";
      Deno.permissions.revokeSync({ name: "read" });
      try {
        listStores(${JSON.stringify(folder)});
      } catch (error) {
        console.error(error.name, error.message);
      }
    `);
    assert.equal(code, 0, stderr);
    assert.match(
      stderr,
      /^SpindleError Cannot look for ".*" as Deno was not granted access to it: /,
    );
  }));

Deno.test("beginStore() says in one sentence that a folder cannot be written", () =>
  withFolder(async (folder) => {
    const file = join(folder, "file");
    Deno.writeTextFileSync(file, "");
    await assert.rejects(
      openStore(file, key),
      /^SpindleError: Cannot make the folder .*, or set features \(--features\) to another folder$/,
    );
  }));

Deno.test("requireRoom() refuses what the disk cannot hold", () =>
  withFolder((folder) => {
    requireRoom(folder, 1);
    assert.throws(() => requireRoom(folder, 1e18), /^SpindleError: Cannot extract features/);
  }));

Deno.test("stores are listed with their size, and removed by name", () =>
  withFolder(async (folder) => {
    const store = await openStore(folder, key);
    const [summary] = listStores(folder);
    assert.equal(summary!.folder, store.folder);
    assert.equal(summary!.texts, 10);
    removeStore(summary!);
    assert.deepEqual(listStores(folder), []);
  }));

Deno.test("folders of other names are no stores, and a store that holds other things stays", () =>
  withFolder(async (folder) => {
    const project = join(folder, "project");
    Deno.mkdirSync(join(project, "src"), { recursive: true });
    Deno.writeTextFileSync(join(project, "manifest.json"), JSON.stringify(key));
    assert.deepEqual(listStores(folder), []);
    assert.equal(findRicherStore(folder, key, []), undefined);
    const store = await openStore(folder, key);
    assert.deepEqual(findRicherStore(folder, key, []), store);
    {
      using writer = new SplitWriter(store, "train", states);
      writer.write(values(0, 4), 4);
      await writer.checkpoint();
    }
    rememberUse(store.folder, { model: "/models/a", source: "mr" });
    Deno.writeTextFileSync(join(store.folder, "manifest.json.0.tmp"), "{");
    Deno.writeTextFileSync(join(store.folder, "train.encoder.hidden.0.safetensors"), "");
    const [summary] = listStores(folder);
    for (const name of ["notes.txt", "my.train.hidden.0.safetensors", "manifest.json.bak"]) {
      const path = join(store.folder, name);
      Deno.writeTextFileSync(path, "");
      const before = namesIn(store.folder);
      assert.throws(() => removeStore(summary!), {
        name: "SpindleError",
        message: `Cannot remove the features in "${store.folder}" as no run wrote the "${name}" ` +
          "there: move it elsewhere first",
      });
      assert.deepEqual(namesIn(store.folder), before);
      Deno.removeSync(path);
    }
    const below = join(store.folder, "train.deep.safetensors");
    Deno.mkdirSync(below);
    assert.throws(() => removeStore(summary!), /no run wrote the "train\.deep\.safetensors" there/);
    Deno.removeSync(below);
    removeStore(summary!);
    assert.deepEqual(namesIn(folder), ["project"]);
  }));

Deno.test("stores are listed by when they were last used, with what for where that is known", () =>
  withFolder(async (folder) => {
    const of = async (datasetSha256: string) =>
      (await openStore(folder, { ...key, datasetSha256 })).folder;
    const [used, untold, broken] = [await of("a"), await of("b"), await of("c")];
    const use = { model: "/models/a", source: "mr" };
    rememberUse(used, use);
    Deno.writeTextFileSync(join(broken, "last_use.json"), '{"model": 3}');
    const dated = (path: string, day: number) => {
      const modified = new Date(Date.UTC(2025, 0, day));
      Deno.utimeSync(path, modified, modified);
      return modified;
    };
    for (const store of [used, untold, broken]) dated(join(store, "manifest.json"), 2);
    const expected = [
      { folder: broken, use: undefined, modified: dated(join(broken, "manifest.json"), 1) },
      { folder: untold, use: undefined, modified: dated(join(untold, "manifest.json"), 3) },
      { folder: used, use, modified: dated(join(used, "last_use.json"), 4) },
    ];
    assert.deepEqual(
      listStores(folder).map(({ folder, use, modified }) => ({ folder, use, modified })),
      expected,
    );
  }));

Deno.test("rememberUse() passes over a folder that cannot be written", () =>
  withFolder((folder) => {
    const file = join(folder, "file");
    Deno.writeTextFileSync(file, "");
    rememberUse(file, { model: "a", source: "b" });
    assert.equal(lastUse(file), undefined);
  }));

Deno.test("a store whose manifest is broken is listed, and can be removed", () =>
  withFolder(async (folder) => {
    const rows = [
      '{"train":"many"}',
      '{"train":null,"a":[1]}',
      '{"train":1,"validation":1,"test":-1}',
    ];
    for (const manifest of ["", "{}", ...rows.map((rows) => `{"rows":${rows}}`)]) {
      const store = await openStore(folder, key);
      Deno.writeTextFileSync(join(store.folder, "manifest.json"), manifest);
      const [summary] = listStores(folder);
      assert.equal(summary!.texts, undefined);
      removeStore(summary!);
      assert.deepEqual(listStores(folder), []);
    }
  }));
