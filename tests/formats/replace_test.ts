import assert from "node:assert/strict";
import { cleanUp } from "../../src/clean_up.ts";
import {
  type NewFile,
  replaceFile,
  replaceFiles,
  replaceLargeFiles,
  requireWritable,
  textFile,
} from "../../src/formats/replace.ts";
import { SpindleError } from "../../src/util.ts";
import { startCode } from "../cli/support.ts";
import { namesIn, withFolder as withFolderLater } from "../folder.ts";
import { Turns } from "../turns.ts";
import { withFolder } from "./support.ts";

/** A file whose content is told when it is asked for. */
const file = (path: string, content: () => Iterable<Uint8Array>): NewFile => ({
  path,
  bytes: 0,
  content: { [Symbol.iterator]: () => content()[Symbol.iterator]() },
});

Deno.test("replaceFile() writes what a link points to, and leaves the link", () =>
  withFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/file`, "before");
    Deno.symlinkSync(`${folder}/file`, `${folder}/link`);
    replaceFile(`${folder}/link`, "after");
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
        const message = /^SpindleError: Cannot write .* as it is not a regular file: name another/;
        assert.throws(() => replaceFile(path, ""), message);
        assert.throws(() => requireWritable(path), message);
      }
      assert.ok(Deno.lstatSync(pipe).isFifo);
    }),
});

Deno.test("requireWritable() leaves nothing, and names the path that was given", () =>
  withFolder((folder) => {
    requireWritable(`${folder}/new`);
    assert.deepEqual(namesIn(folder), []);
    const refused: [path: string, reason: RegExp][] = [
      [`${folder}/none/new`, /^its folder does not exist: create it first$/],
      [`${folder}/${"a".repeat(252)}`, /^the name is too long: choose a shorter one$/],
    ];
    for (const [path, reason] of refused) {
      assert.throws(() => requireWritable(path), (error) => {
        assert.ok(error instanceof SpindleError);
        const start = `Cannot write "${path}" as `;
        assert.ok(error.message.startsWith(start), error.message);
        assert.match(error.message.slice(start.length), reason);
        return true;
      });
    }
  }));

Deno.test("replaceFiles() replaces none where one cannot be written", () =>
  withFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/a`, "before");
    const fail = () => {
      throw new SpindleError("no more");
    };
    assert.throws(
      () => replaceFiles([textFile(`${folder}/a`, "after"), file(`${folder}/b`, fail)]),
      /no more/,
    );
    assert.deepEqual(namesIn(folder), ["a"]);
    assert.equal(Deno.readTextFileSync(`${folder}/a`), "before");
  }));

Deno.test("replaceFile() overwrites what a program left that was killed", () =>
  withFolderLater(async (folder) => {
    const path = `${folder}/file`;
    const child = startCode(`
      import { replaceFiles } from "CLI/../formats/replace.ts";
      function* content() {
        yield new Uint8Array(1000);
        console.log("writing");
        Deno.kill(Deno.pid, "SIGKILL");
      }
      replaceFiles([{ path: ${JSON.stringify(path)}, bytes: 1000, content: content() }]);
    `);
    const outcome = await child.output();
    assert.equal(outcome.signal, "SIGKILL", new TextDecoder().decode(outcome.stderr));
    assert.equal(namesIn(folder).length, 1);
    replaceFile(path, "after");
    assert.deepEqual(namesIn(folder), ["file"]);
    assert.equal(Deno.readTextFileSync(path), "after");
  }));

Deno.test("two that write the same file at once both write it whole", () =>
  withFolder((folder) => {
    const path = `${folder}/file`;
    const bytes = (text: string) => new TextEncoder().encode(text);
    function* outer() {
      yield bytes("ou");
      requireWritable(path);
      replaceFile(path, "inner");
      assert.equal(Deno.readTextFileSync(path), "inner");
      yield bytes("ter");
    }
    replaceFiles([file(path, outer)]);
    assert.equal(Deno.readTextFileSync(path), "outer");
    assert.deepEqual(namesIn(folder), ["file"]);
  }));

Deno.test("replaceFile() does not write through a link of its temporary name", () =>
  withFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/other`, "precious");
    Deno.symlinkSync(`${folder}/other`, `${folder}/file.0.tmp`);
    replaceFile(`${folder}/file`, "after");
    assert.equal(Deno.readTextFileSync(`${folder}/other`), "precious");
    assert.equal(Deno.readTextFileSync(`${folder}/file`), "after");
  }));

Deno.test("replaceLargeFiles() gives others their turns, and tells how far it is", () =>
  withFolderLater(async (folder) => {
    using turns = new Turns();
    const told: [number, number][] = [];
    function* content() {
      for (let i = 0; i < 20; i++) yield new Uint8Array(5);
    }
    const files = [{ path: `${folder}/file`, bytes: 100, content: content() }];
    await replaceLargeFiles(files, (done, total) => told.push([done, total]));
    assert.ok(turns.count >= 10, `${turns.count} turns`);
    assert.deepEqual([told.length, told[0], told.at(-1)], [20, [5, 100], [100, 100]]);
    assert.equal(Deno.statSync(`${folder}/file`).size, 100);
  }));

Deno.test("a program that ends early leaves no temporary file", () =>
  withFolder((folder) => {
    function* content() {
      yield new Uint8Array(5);
      assert.equal(namesIn(folder).length, 1);
      cleanUp();
      assert.deepEqual(namesIn(folder), []);
      throw new SpindleError("ended");
    }
    assert.throws(() => replaceFiles([file(`${folder}/file`, content)]), /ended/);
  }));
