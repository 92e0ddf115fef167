import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { loadedSha256, modelSha256, stampFiles } from "../../src/model/files.ts";
import { withFolder } from "../folder.ts";
import { Turns } from "../turns.ts";
import { writeTextModel } from "./text_model.ts";

Deno.test("modelSha256() hashes names and contents, and gives others their turns", () =>
  withFolder(async (folder) => {
    const weights = new Uint8Array(50_000_000).fill(7);
    Deno.writeFileSync(join(folder, "model.safetensors"), weights);
    Deno.writeTextFileSync(join(folder, "config.json"), "{}");
    const expected = createHash("sha256").update("config.json\0{}model.safetensors\0")
      .update(weights).digest("hex");
    using turns = new Turns();
    assert.equal(await modelSha256(folder), expected);
    assert.ok(turns.count >= 2, `${turns.count} turns`);
  }));

Deno.test("a model's digest covers configuration, tokenizer and every shard, and nothing else", () =>
  withFolder(async (folder) => {
    writeTextModel(folder);
    Deno.writeTextFileSync(join(folder, "tokenizer_config.json"), "{}");
    Deno.writeTextFileSync(join(folder, "README.md"), "one");
    const before = { digest: await modelSha256(folder), stamp: stampFiles(folder) };
    const names = [
      "config.json",
      "tokenizer.json",
      "tokenizer_config.json",
      ...[1, 2, 3].map((i) => `model-0000${i}-of-00003.safetensors`),
    ];
    for (const name of names) {
      const path = join(folder, name);
      const bytes = Deno.readFileSync(path);
      Deno.writeFileSync(path, Uint8Array.of(...bytes, 32));
      assert.notEqual(await modelSha256(folder), before.digest, name);
      assert.notEqual(stampFiles(folder), before.stamp, name);
      Deno.writeFileSync(path, bytes);
      assert.equal(await modelSha256(folder), before.digest);
    }
    Deno.writeTextFileSync(join(folder, "README.md"), "two");
    assert.equal(await modelSha256(folder), before.digest);
  }));

Deno.test("stampFiles() tells files of the same size and time apart, behind a link as well", () =>
  withFolder((parent) => {
    const [one, other] = ["one", "other"].map((name) => {
      const folder = join(parent, name);
      Deno.mkdirSync(folder);
      writeTextModel(folder);
      for (const { name } of Deno.readDirSync(folder)) {
        Deno.utimeSync(join(folder, name), 1e9, 1e9);
      }
      return folder;
    });
    const link = join(parent, "current");
    Deno.symlinkSync(one!, link);
    const before = stampFiles(link);
    assert.equal(stampFiles(link), before);
    Deno.removeSync(link);
    Deno.symlinkSync(other!, link);
    assert.notEqual(stampFiles(link), before);
    const own = stampFiles(one!);
    Deno.renameSync(join(other!, "config.json"), join(one!, "config.json"));
    assert.notEqual(stampFiles(one!), own);
  }));

Deno.test("loadedSha256() reads files once, and refuses those that changed before it did", () =>
  withFolder(async (folder) => {
    writeTextModel(folder);
    const loaded = { folder, stamp: stampFiles(folder) };
    const digest = await modelSha256(folder);
    assert.equal(await loadedSha256(loaded), digest);
    Deno.writeTextFileSync(join(folder, "config.json"), "{}");
    assert.notEqual(await modelSha256(folder), digest);
    assert.equal(await loadedSha256(loaded), digest);
    const anew = { folder, stamp: stampFiles(folder) };
    Deno.writeTextFileSync(join(folder, "config.json"), "{ }");
    await assert.rejects(loadedSha256(anew), {
      name: "SpindleError",
      message:
        `Cannot use the model "${folder}" as its files changed since it was loaded: load it again`,
    });
  }));
