import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { modelSha256 } from "../../src/model/files.ts";
import { withFolder } from "../folder.ts";

Deno.test("modelSha256() hashes names and contents, and gives others their turns", () =>
  withFolder(async (folder) => {
    const weights = new Uint8Array(50_000_000).fill(7);
    Deno.writeFileSync(join(folder, "model.safetensors"), weights);
    Deno.writeTextFileSync(join(folder, "config.json"), "{}");
    const expected = createHash("sha256").update("config.json\0{}model.safetensors\0")
      .update(weights).digest("hex");
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    assert.equal(await modelSha256(folder), expected);
    clearInterval(timer);
    assert.ok(turns >= 2, `${turns} turns`);
  }));
