import assert from "node:assert/strict";
import { join } from "node:path";
import { withFolder } from "../folder.ts";
import { runSpindle } from "./support.ts";

Deno.test("spindle run says how many texts of a split are those of another", () =>
  withFolder(async (folder) => {
    const file = (name: string, begin: number, end: number) => {
      const rows = Array.from({ length: end - begin }, (_, i) => `${i % 2}\ttext ${begin + i}\n`);
      const path = join(folder, name);
      Deno.writeTextFileSync(path, `label\ttext\n${rows.join("")}`);
      return path;
    };
    const train = file("train.tsv", 0, 40);
    /** What is said before it is found that there is no such model. */
    const noted = async (validation: string, test: string) => {
      const files = ["--train", train, "--validation", validation, "--test", test];
      const places = ["--model", join(folder, "none"), "--out", join(folder, "out")];
      const { stderr } = await runSpindle(["run", ...files, ...places]);
      assert.match(stderr, /^spindle: Cannot load a model/m);
      return stderr.split("\n").filter((line) => line.startsWith("Also "));
    };
    const [others, three, one] = [
      file("others.tsv", 40, 60),
      file("three.tsv", 37, 50),
      file("one.tsv", 39, 60),
    ];
    const end = "; expect lower scores on new texts";
    const apart = file("apart.tsv", 60, 80);
    assert.deepEqual(await noted(others, apart), []);
    assert.deepEqual(await noted(others, others), [
      `Also validation texts: 20 of the 20 test texts${end}`,
    ]);
    assert.deepEqual(await noted(apart, three), [
      `Also training texts: 3 of the 13 test texts${end}`,
    ]);
    assert.deepEqual(await noted(one, three), [
      `Also training texts: 1 of the 21 validation texts and 3 of the 13 test texts${end}`,
      `Also validation texts: 11 of the 13 test texts${end}`,
    ]);
  }));
