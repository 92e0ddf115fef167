import assert from "node:assert/strict";
import { runCode } from "./support.ts";

Deno.test("noteAbsentClasses() names the classes without test texts, where macro-F1 is used", async () => {
  const noted = async (metric: string, labels: number[]) => {
    const { code, stderr } = await runCode(`
      import { noteAbsentClasses } from "CLI/absent_classes_note.ts";
      const test = { texts: [], labels: Int32Array.from(${JSON.stringify(labels)}) };
      const classes = ["a", "b\\n", "c"];
      noteAbsentClasses({ metric: "${metric}", classes, test });
    `);
    assert.equal(code, 0, stderr);
    return stderr;
  };
  const rule = "macro-F1 leaves out a class that is not predicted either\n";
  assert.equal(await noted("macro-f1", [2, 2]), `No test text is of "a", "b\\n": ${rule}`);
  assert.equal(await noted("macro-f1", [2, 0, 1]), "");
  assert.equal(await noted("accuracy", [2, 2]), "");
});
