import assert from "node:assert/strict";
import { exists, fileFailure, isSame, openForReading } from "../../src/formats/files.ts";
import { makeFolder } from "../../src/formats/folder.ts";
import { runCode } from "../cli/support.ts";
import { namesIn } from "../folder.ts";
import { withFolder } from "./support.ts";

const longName = "a".repeat(300);

/** What the system says to an operation that it refuses. */
function failureOf(operation: () => unknown): string {
  try {
    operation();
  } catch (error) {
    return fileFailure(error);
  }
  throw new Error("it was not refused");
}

Deno.test({
  name: "fileFailure() says why the system refused",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withFolder((folder) => {
      Deno.writeTextFileSync(`${folder}/file`, "");
      const full = () => {
        using file = Deno.openSync("/dev/full", { write: true });
        file.writeSync(new Uint8Array(1));
      };
      assert.match(failureOf(full), /^the disk is full: /);
      assert.match(failureOf(() => Deno.statSync(`${folder}/none`)), /^it does not exist: /);
      assert.match(
        failureOf(() => Deno.mkdirSync(`${folder}/${longName}`)),
        /^the name is too long: /,
      );
      assert.match(
        failureOf(() => Deno.mkdirSync(`${folder}/file/x`)),
        /^a part of the path is not a /,
      );
      const readOnly = Object.assign(new Error("os error 30"), { code: "EROFS" });
      assert.match(fileFailure(readOnly), /^its disk can only be read: /);
    }),
});

Deno.test("fileFailure() tells what was not granted from what Deno protects", () => {
  const { NotCapable } = Deno.errors;
  for (const access of ["read", "write"]) {
    assert.equal(
      fileFailure(new NotCapable(`Requires ${access} access to "x", run again with the flag`)),
      `Deno was not granted access to it: pass --allow-${access}`,
    );
  }
  assert.match(
    fileFailure(new NotCapable('Requires all access to "x"')),
    /Deno protects that path/,
  );
});

Deno.test("exists() follows links, and finds nothing below a file", () =>
  withFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/file`, "");
    Deno.symlinkSync(`${folder}/none`, `${folder}/link`);
    const found = ["file", "none", "link", "file/below"].map((name) => exists(`${folder}/${name}`));
    assert.deepEqual(found, [true, false, false, false]);
    assert.throws(
      () => exists(`${folder}/${longName}`),
      /^SpindleError: Cannot look for ".*a" as the name is too long/,
    );
  }));

Deno.test("exists() says that it may not look", async () => {
  const { stderr } = await runCode(`
    import { exists } from "CLI/../formats/files.ts";
    Deno.permissions.revokeSync({ name: "read" });
    exists("/nowhere");
  `);
  assert.match(stderr, /SpindleError: Cannot look for "\/nowhere" as Deno was not granted access/);
});

Deno.test("isSame() sees through links", () =>
  withFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/a`, "");
    Deno.writeTextFileSync(`${folder}/b`, "");
    Deno.symlinkSync(`${folder}/a`, `${folder}/link`);
    const pairs = [["a", "./a"], ["a", "link"], ["a", "b"], ["a", "none"]] as const;
    const same = pairs.map(([one, other]) => isSame(`${folder}/${one}`, `${folder}/${other}`));
    assert.deepEqual(same, [true, true, false, false]);
  }));

Deno.test("openForReading() says that a part of the path is no folder", () =>
  withFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/file`, "");
    assert.throws(
      () => openForReading(`${folder}/file/below`),
      /as a part of the path is not a folder/,
    );
  }));

Deno.test("openForReading() says that a name is not UTF-8, which no path can tell", () =>
  assert.throws(
    () => openForReading("/nowhere/caf\uFFFD.csv"),
    /caf\uFFFD\.csv" as a name in it is not UTF-8: rename that file or folder$/,
  ));

Deno.test("makeFolder() makes the folders above, and removes what stays empty", () =>
  withFolder((folder) => {
    makeFolder(`${folder}/a/b/c`)[Symbol.dispose]();
    assert.deepEqual(namesIn(folder), []);
    {
      using _made = makeFolder(`${folder}/a/b/c`);
      Deno.writeTextFileSync(`${folder}/a/b/file`, "");
    }
    assert.deepEqual(namesIn(`${folder}/a/b`), ["file"]);
    Deno.mkdirSync(`${folder}/empty`);
    makeFolder(`${folder}/empty`)[Symbol.dispose]();
    assert.ok(exists(`${folder}/empty`));
  }));

Deno.test("makeFolder() says what is in the way, and leaves nothing", () =>
  withFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/file`, "");
    Deno.symlinkSync(`${folder}/none`, `${folder}/link`);
    const cases: [path: string, message: RegExp][] = [
      ["file", /as there is something else of that name: choose another one$/],
      ["file/below", /as a part of the path is not a folder/],
      ["link", /as there is something else of that name/],
      [`new/${longName}`, /as the name is too long: choose a shorter one$/],
    ];
    for (const [path, message] of cases) {
      assert.throws(() => makeFolder(`${folder}/${path}`), message);
    }
    assert.deepEqual(namesIn(folder), ["file", "link"]);
  }));
