import assert from "node:assert/strict";
import { withFolder } from "../folder.ts";
import { key, openStore } from "../features/support.ts";
import { runSpindle } from "./support.ts";

Deno.test("spindle features lists and removes features, and says where there are none", () =>
  withFolder(async (folder) => {
    const features = (...args: string[]) => runSpindle(["features", "--features", folder, ...args]);
    const store = await openStore(folder, key);
    assert.match((await features()).stdout, /^\w{16} +0 MB {2}10 sentences {2}\d{4}-\d\d-\d\d\n$/);
    const removed = await features("--remove", "all");
    assert.deepEqual([removed.code, removed.stdout], [0, `removed ${store.folder} (0 MB)\n`]);
    for (const args of [[], ["--remove", "all"]]) {
      const none = { code: 0, stdout: "", stderr: `There are no features in ${folder}\n` };
      assert.deepEqual(await features(...args), none);
    }
    const { code, stderr } = await features("--remove", "other");
    assert.equal(code, 1);
    assert.match(stderr, /^spindle: Cannot remove the features "other" as [^\n]+\n$/);
  }));
