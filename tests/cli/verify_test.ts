import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { verifyBound } from "../../src/model/verify.ts";
import { withFolder } from "../folder.ts";
import { runSpindle } from "./support.ts";

const model = fileURLToPath(new URL("../../models/all-MiniLM-L6-v2", import.meta.url));

Deno.test("spindle verify --help tells what a golden file holds, and which differences pass", async () => {
  const { stdout } = await runSpindle(["verify", "--help"]);
  const help = stdout.replace(/\s+/g, " ");
  for (
    const part of [
      "input_ids",
      "attention_mask",
      "hidden.3 [",
      "hidden.3.mean [",
      ` ${verifyBound} `,
    ]
  ) {
    assert.ok(help.includes(part), `${part} in ${help}`);
  }
});

Deno.test("spindle verify says before it loads the model that the reference is missing", () =>
  withFolder(async (folder) => {
    const broken = join(folder, "broken");
    Deno.writeTextFileSync(broken, "short");
    const cases: [args: string[], message: RegExp][] = [
      [[model], /Cannot verify ".*" as it holds no golden\.safetensors: pass --golden FILE/],
      [[model, "--golden", join(folder, "none")], /Cannot read ".*none" as it does not exist/],
      [[model, "--golden", broken], /Cannot read ".*broken"/],
    ];
    for (const [args, message] of cases) {
      const { code, stdout, stderr } = await runSpindle(["verify", ...args]);
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(stderr, /^spindle: [^\n]+\n$/); // what a model takes of memory is said before
      assert.match(stderr, message);
    }
  }));
