import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { families } from "../../src/model/families/mod.ts";
import { withFolder } from "../folder.ts";
import { runSpindle } from "./support.ts";

const model = fileURLToPath(new URL("../../models/all-MiniLM-L6-v2", import.meta.url));
const t5 = fileURLToPath(new URL("../model/golden/t5", import.meta.url));

Deno.test("spindle models lists every family", async () => {
  const { code, stdout, stderr } = await runSpindle(["models"]);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal(stdout.trimEnd().split("\n").length, families.length);
  for (const type of families.flatMap(({ modelTypes }) => modelTypes)) {
    assert.match(stdout, new RegExp(`\\b${type}\\b`));
  }
});

Deno.test("spindle models FOLDER shows a model's states and memory", async () => {
  const { code, stdout, stderr } = await runSpindle(["models", model]);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /^family +bert: 6 blocks, 12 heads of 32, bidirectional$/m);
  assert.match(stdout, /^hidden +0 to 6 +7 x 384$/m);
  assert.match(stdout, /^activation +0 to 5 +6 x 1536$/m);
  assert.match(stdout, /^float16 +\d+ MB on the device \(weights 22 MB, .*24 MB on the host/m);
});

Deno.test("spindle models FOLDER --json prints one document", async () => {
  const { code, stdout } = await runSpindle(["models", t5, "--json"]);
  assert.equal(code, 0);
  const { family, states, memory } = JSON.parse(stdout);
  assert.equal(family, "t5");
  assert.deepEqual(states[0], { name: "encoder.hidden", layers: 4, neurons: 12 });
  assert.deepEqual(states[3], { name: "decoder.hidden", layers: 3, neurons: 12 });
  assert.ok(memory.f16.weights < memory.f32.weights);
  assert.equal(memory.f16.tables, memory.f32.tables);
});

Deno.test("spindle models FOLDER tells to how many tokens texts are cut", async () => {
  const longrope = fileURLToPath(new URL("../model/golden/longrope", import.meta.url));
  const { stdout } = await runSpindle(["models", longrope]);
  assert.match(stdout, /^tokens +texts are cut to 16$/m); // it has 32 positions, 16 without scaling
  const json = await runSpindle(["models", longrope, "--json"]);
  assert.equal(JSON.parse(json.stdout).longestText, 16); // as a loaded model calls it
});

Deno.test("spindle models says what a folder without a model lacks", () =>
  withFolder(async (folder) => {
    const { code, stderr } = await runSpindle(["models", folder]);
    assert.equal(code, 1);
    assert.match(stderr, /^spindle: Cannot read ".+config\.json" as it does not exist/);
  }));

Deno.test("a model that is no folder is refused with what makes one", () =>
  withFolder(async (folder) => {
    const run = ["run", "--limit", "9", "--out", join(folder, "out"), "--model"];
    for (const args of [["models"], ["verify"], run]) {
      for (const name of ["bert-base-uncased", `${model}/config.json`, `${model}/config.json/x`]) {
        const { code, stderr } = await runSpindle([...args, name]);
        assert.equal(code, 1);
        assert.ok(
          stderr.endsWith(
            `spindle: Cannot load a model from "${name}" as it is no folder: give one that holds a ` +
              'model, such as "hf download NAME --local-dir FOLDER" makes\n',
          ),
          stderr,
        );
      }
    }
  }));
