import assert from "node:assert/strict";
import { replaceFile, replaceFiles, requireWritable, writeAll } from "../../src/formats/files.ts";
import { SpindleError } from "../../src/util.ts";
import { withFolder } from "./support.ts";

const text = (content: string) => (file: Deno.FsFile) =>
  writeAll(file, new TextEncoder().encode(content));

Deno.test("replaceFile() writes what a link points to, and leaves the link", () =>
  withFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/file`, "before");
    Deno.symlinkSync(`${folder}/file`, `${folder}/link`);
    replaceFile(`${folder}/link`, text("after"));
    assert.equal(Deno.readTextFileSync(`${folder}/file`), "after");
    assert.ok(Deno.lstatSync(`${folder}/link`).isSymlink);
  }));

Deno.test({
  name: "replaceFile() and requireWritable() refuse what is no regular file",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withFolder((folder) => {
      const pipe = `${folder}/pipe`;
      new Deno.Command("mkfifo", { args: [pipe] }).outputSync();
      for (const path of [pipe, folder]) {
        const message = /^SpindleError: Cannot write .* as it is not a regular file: give a file/;
        assert.throws(() => replaceFile(path, text("")), message);
        assert.throws(() => requireWritable(path), message);
      }
      assert.ok(Deno.lstatSync(pipe).isFifo);
    }),
});

Deno.test("requireWritable() leaves nothing, and says what is in the way", () =>
  withFolder((folder) => {
    requireWritable(`${folder}/new`);
    assert.deepEqual([...Deno.readDirSync(folder)], []);
    assert.throws(() => requireWritable(`${folder}/none/new`), /folder does not exist: create it/);
  }));

Deno.test("replaceFiles() replaces none where one cannot be written", () =>
  withFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/a`, "before");
    const fail = () => {
      throw new SpindleError("no more");
    };
    const files = [
      { path: `${folder}/a`, write: text("after") },
      { path: `${folder}/b`, write: fail },
    ];
    assert.throws(() => replaceFiles(files), /no more/);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["a"]);
    assert.equal(Deno.readTextFileSync(`${folder}/a`), "before");
  }));
