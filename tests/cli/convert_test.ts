import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openModelWeights, safetensorsHeader } from "../../src/formats/safetensors.ts";
import { withFolder } from "../folder.ts";
import { runCodeOnTerminal, runSpindle, startSpindle } from "./support.ts";

const model = fileURLToPath(new URL("../../models/all-MiniLM-L6-v2", import.meta.url));

Deno.test("spindle convert writes the bundled model in another float type", async () => {
  await withFolder(async (folder) => {
    const out = join(folder, "converted");
    const { code, stdout, stderr } = await runSpindle(["convert", model, out, "--weights", "bf16"]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^.+model\.safetensors: \d+ tensors, bf16, [\d.]+ MB\n$/);
    using weights = openModelWeights(out);
    const dtypes = new Set([...weights.tensors.values()].map((tensor) => tensor.dtype));
    assert.ok(dtypes.has("BF16") && !dtypes.has("F16"), [...dtypes].join());
    const names = [...Deno.readDirSync(out)].map((entry) => entry.name);
    assert.ok(names.includes("config.json") && !names.some((name) => name.endsWith(".tmp")));
  });
});

Deno.test("spindle convert says in one line what is missing, wrong or refused", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "model.safetensors"), "short");
    const out = join(folder, "out");
    const cases: [args: string[], code: number, message: RegExp][] = [
      [[], 2, /without FOLDER/],
      [[model], 2, /without OUT/],
      [[model, out, "more"], 2, /Cannot use "more"/],
      [[model, out, "--weights", "f17"], 2, /"f17" for --weights: did you mean "f16"/],
      [[model, out, "--weights"], 2, /write --weights f16\|f32\|bf16/],
      [[join(folder, "absent"), out], 1, /Cannot load a model from ".*absent" as it is no folder/],
      [[folder, out], 1, /Cannot read ".*model\.safetensors"/],
      [[model, join(folder, "model.safetensors", "below")], 1, /Cannot make the folder/],
      [[model, model], 1, /holds a model already/],
    ];
    for (const [args, expected, message] of cases) {
      const { code, stdout, stderr } = await runSpindle(["convert", ...args]);
      assert.deepEqual([code, stdout], [expected, ""], stderr);
      assert.match(stderr, /^spindle: [^\n]+\n$/);
      assert.doesNotMatch(stderr, /unexpected/);
      assert.match(stderr, message);
    }
  });
});

Deno.test("spindle convert stops at Ctrl-C and leaves nothing", () =>
  withFolder(async (folder) => {
    const weights = join(folder, "model.safetensors");
    const large = { dtype: "F32" as const, shape: [64, 2 ** 20] };
    const { header } = safetensorsHeader(new Map([["a", large], ["b", large]]));
    Deno.writeFileSync(weights, header);
    Deno.truncateSync(weights, header.length + 2 * 2 ** 28);
    const out = join(folder, "new", "out");
    const process = startSpindle(["convert", folder, out]);
    const isWriting = () => {
      try {
        return [...Deno.readDirSync(out)].length > 0;
      } catch {
        return false;
      }
    };
    let isRunning = true;
    process.status.then(() => isRunning = false);
    while (isRunning && !isWriting()) await new Promise((resolve) => setTimeout(resolve, 10));
    process.kill("SIGINT");
    const { code, stdout, stderr } = await process.output();
    assert.deepEqual([code, stdout.length, stderr.length], [130, 0, 0]);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["model.safetensors"]);
  }));

Deno.test("spindle convert shows on a terminal how far it is", () =>
  withFolder(async (folder) => {
    const args = { folder: model, out: join(folder, "out"), weights: "f32" };
    const { code, stderr } = await runCodeOnTerminal(
      "xterm",
      `
      import { command } from "CLI/convert.ts";
      await command.run(${JSON.stringify(args)});
    `,
    );
    assert.equal(code, 0, stderr);
    assert.match(stderr, /convert: \d+ %, \d+ of \d+ MB/);
  }));
