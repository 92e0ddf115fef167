import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { families } from "../../src/model/families/mod.ts";
import { listFamilies } from "../../src/model/list_families.ts";

const folder = fileURLToPath(new URL("../../src/model/families/", import.meta.url));

Deno.test("the list of families holds every file of their folder", () => {
  const listed = Deno.readTextFileSync(join(folder, "mod.ts"));
  assert.equal(listed, listFamilies(folder), "mod.ts is stale: run `deno task families`");
});

Deno.test("each file of a family is short", () => {
  for (const { name } of Deno.readDirSync(folder)) {
    const lines = Deno.readTextFileSync(join(folder, name)).split("\n").length - 1;
    assert.ok(lines < 120, `${name} has ${lines} lines`);
  }
});

Deno.test("each model_type belongs to one family", () => {
  const types = families.flatMap(({ modelTypes }) => modelTypes);
  assert.equal(new Set(types).size, types.length);
});
