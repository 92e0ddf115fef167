import assert from "node:assert/strict";
import { join } from "node:path";
import { requireSameInputs } from "../../src/cli/run_inputs.ts";
import { modelSha256 } from "../../src/model/files.ts";
import { resultsPath } from "../../src/spin/save.ts";
import { withFolder } from "../folder.ts";
import { writeTextModel } from "../model/text_model.ts";

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
