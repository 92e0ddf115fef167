import assert from "node:assert/strict";
import { join } from "node:path";
import { withFolder } from "../folder.ts";
import { runSpindle } from "./support.ts";

Deno.test("spindle run says how many of the texts to choose by and to test on are trained on", () =>
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
      return stderr.split("\n").filter((line) => line.startsWith("Also training texts"));
    };
    const [others, three, one] = [
      file("others.tsv", 40, 60),
      file("three.tsv", 37, 50),
      file("one.tsv", 39, 60),
    ];
    assert.deepEqual(await noted(others, others), []);
    const end = "; expect lower scores on new texts";
    assert.deepEqual(await noted(others, three), [
      `Also training texts: 3 of the 13 test texts${end}`,
    ]);
    assert.deepEqual(await noted(one, three), [
      `Also training texts: 1 of the 21 validation texts and 3 of the 13 test texts${end}`,
    ]);
  }));
