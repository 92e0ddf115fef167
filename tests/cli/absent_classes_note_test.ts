import assert from "node:assert/strict";
import { runCode } from "./support.ts";

Deno.test("noteAbsentClasses() names the classes without texts to choose by or to test on", async () => {
  const noted = async (metric: string, validation: number[], test: number[]) => {
    const { code, stderr } = await runCode(`
      import { noteAbsentClasses } from "CLI/absent_classes_note.ts";
      const split = (labels) => ({ texts: [], labels: Int32Array.from(labels) });
      const [validation, test] = ${JSON.stringify([validation, test])}.map(split);
      const classes = ["a", "b\\n", "c"];
      noteAbsentClasses({ metric: "${metric}", classes, validation, test });
    `);
    assert.equal(code, 0, stderr);
    return stderr;
  };
  const [all, some] = [[2, 0, 1], [2, 2]];
  const rule = "macro-F1 leaves out a class that is not predicted either\n";
  assert.equal(await noted("macro-f1", all, some), `No test text is of "a", "b\\n": ${rule}`);
  assert.equal(
    await noted("accuracy", some, [1, 0]),
    'No validation text is of "a", "b\\n": its score tells nothing of them\n' +
      'No test text is of "c": its score tells nothing of them\n',
  );
  assert.equal(await noted("macro-f1", all, all), "");
});
