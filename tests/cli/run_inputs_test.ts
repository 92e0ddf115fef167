import assert from "node:assert/strict";
import { join } from "node:path";
import { requireSameInputs } from "../../src/cli/run_inputs.ts";
import { modelSha256 } from "../../src/model/files.ts";
import { resultsPath } from "../../src/spin/save.ts";
import { withFolder } from "../folder.ts";
import { letterTexts, writeTextModel } from "../model/text_model.ts";
import { runCode, runSpindle } from "./support.ts";

Deno.test("requireSameInputs() refuses results of other inputs, and takes those that tell none", () =>
  withFolder(async (folder) => {
    const model = join(folder, "model");
    writeTextModel(model);
    const sha256 = await modelSha256(model);
    const files = { train: "/b/a.csv", test: "/c", label: "stars" };
    const check = () => requireSameInputs(folder, model, files);
    const hold = (text: string) => Deno.writeTextFileSync(resultsPath(folder), text);
    await check();
    Deno.writeFileSync(resultsPath(folder), Uint8Array.of(0xff, 0xfe));
    await check();
    for (const text of ["[", "3", "{}", '{"model": {}, "dataset": {"origin": null}}']) {
      hold(text);
      await check();
    }
    const holdRun = (sha256: string, source: unknown) =>
      hold(JSON.stringify({ model: { folder: "/m", sha256 }, dataset: { origin: { source } } }));
    holdRun(sha256, { ...files, text: "text" });
    await check();
    const refused = async (sha256: string, source: unknown, what: string) => {
      holdRun(sha256, source);
      await assert.rejects(check, {
        name: "SpindleError",
        message: `Cannot write results to "${folder}" as it holds those of a run ${what}: ` +
          "pass --out FOLDER",
      });
    };
    await refused("0", files, 'with the model "/m"');
    await refused(sha256, { ...files, train: "/mr.csv" }, 'with --train "/mr.csv"');
    await refused(sha256, { ...files, label: undefined }, 'with --label "label"');
    await refused(sha256, { train: "/b/a.csv", label: "stars" }, "without --test");
    await refused(sha256, { name: "mr" }, 'with --dataset "mr"');
  }));

Deno.test("spindle run keeps the results of other files of the same name in its default folder", () =>
  withFolder(async (temporary) => {
    const folder = Deno.realPathSync(temporary);
    writeTextModel(join(folder, "model"));
    const labels = Array.from({ length: 40 }, (_, i) => i % 2);
    for (const [seed, name] of ["x", "y"].entries()) {
      const rows = letterTexts(labels, 2, seed).map((text, i) => `${text},${labels[i]}\n`);
      Deno.mkdirSync(join(folder, name));
      Deno.writeTextFileSync(join(folder, name, "train.csv"), `text,label\n${rows.join("")}`);
    }
    const run = (train: string, ...more: string[]) => {
      const small = ["--model", "model", "--sites", "hidden", "--pools", "last"];
      const args = ["run", "--train", train, ...small, "--features", "features", ...more];
      return runSpindle(args, { cwd: folder });
    };
    const done = async (train: string, out: string, ...more: string[]) => {
      const { code, stdout, stderr } = await run(train, ...more);
      assert.equal(code, 0, stderr);
      assert.match(stdout, new RegExp(`^classifier: ${out}/classifier.safetensors$`, "m"));
    };
    const refused = async (what: string, train: string, ...more: string[]) =>
      assert.deepEqual(await run(train, ...more), {
        code: 1,
        stdout: "",
        stderr: 'spindle: Cannot write results to "results/train-model" as it holds those of a ' +
          `run ${what}: pass --out FOLDER\n`,
      });

    const own = join("x", "train.csv");
    await done(own, "results/train-model");
    await refused(`with --train "${join(folder, own)}"`, join("y", "train.csv"));
    await refused("without --test", own, "--test", own);
    await done(join(folder, own), "results/train-model", "--seed", "1", "--text", "text");
    await done(join("y", "train.csv"), "results/train-model", "--out", "results/train-model");
    await refused(`with --train "${join(folder, "y", "train.csv")}"`, own);

    // Another run ends while this one works.
    const results = join(folder, "results");
    Deno.renameSync(results, join(folder, "other"));
    const { code, stderr } = await runCode(`
      import { existsSync, renameSync } from "node:fs";
      import { main } from "CLI/main.ts";
      Deno.chdir(${JSON.stringify(folder)});
      const { now } = performance;
      performance.now = () => {
        if (existsSync("new") && existsSync("other")) {
          Deno.removeSync("results", { recursive: true });
          renameSync("other", "results");
        }
        return now.call(performance);
      };
      const small = ["--model", "model", "--sites", "hidden", "--pools", "last"];
      await main(["run", "--train", ${JSON.stringify(own)}, ...small, "--features", "new"]);
    `);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /^spindle: Cannot write results to "results\/train-model" as it holds /m);
  }));
