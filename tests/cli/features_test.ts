import assert from "node:assert/strict";
import { join } from "node:path";
import { rememberUse } from "../../src/features/last_use.ts";
import { key, openStore } from "../features/support.ts";
import { namesIn, withFolder } from "../folder.ts";
import { runSpindle } from "./support.ts";

Deno.test("spindle features lists and removes features, and says where there are none", () =>
  withFolder(async (folder) => {
    const features = (...args: string[]) => runSpindle(["features", "--features", folder, ...args]);
    const store = await openStore(folder, key);
    const listed = async () => {
      const [name, ...columns] = (await features()).stdout.split(/ {2,}/);
      assert.equal(join(folder, name!), store.folder);
      return columns.join("  ").replace(/\d{4}-\d\d-\d\d/, "DAY");
    };
    assert.equal(await listed(), "0 MB  10 texts  begun DAY\n");
    rememberUse(store.folder, { model: "/models/a", source: "/data/\n.csv" });
    assert.equal(
      await listed(),
      "0 MB  10 texts  used DAY  /data/\\u000a.csv with /models/a\n",
    );
    const project = join(folder, "project");
    Deno.mkdirSync(project);
    Deno.writeTextFileSync(join(project, "manifest.json"), "{}");
    const other = await openStore(folder, { ...key, version: key.version + 1 });
    for (const { folder } of [store, other]) Deno.writeTextFileSync(join(folder, ".DS_Store"), "");
    const own = join(other.folder, "notes.txt");
    Deno.writeTextFileSync(own, "mine");
    const some = await features("--remove", "all");
    assert.deepEqual([some.code, some.stdout], [1, `removed ${store.folder} (0 MB)\n`]);
    assert.match(some.stderr, /^spindle: Cannot remove .+ as no run wrote the "notes.txt" there: /);
    Deno.removeSync(own);
    const removed = await features("--remove", "all");
    assert.deepEqual([removed.code, removed.stdout], [0, `removed ${other.folder} (0 MB)\n`]);
    for (const args of [[], ["--remove", "all"]]) {
      const none = { code: 0, stdout: "", stderr: `There are no features in ${folder}\n` };
      assert.deepEqual(await features(...args), none);
    }
    for (const name of ["other", "project"]) {
      const { code, stderr } = await features("--remove", name);
      assert.equal(code, 1);
      assert.match(stderr, /^spindle: Cannot remove the features "\w+" as [^\n]+\n$/);
    }
    assert.deepEqual(namesIn(folder), ["project"]);
  }));
