import assert from "node:assert/strict";
import { resolve } from "node:path";
import { requireSameInputs } from "../../src/cli/run_inputs.ts";
import { resultsPath } from "../../src/spin/save.ts";
import { withFolder } from "../folder.ts";

Deno.test("requireSameInputs() refuses results of other inputs, and takes those that tell none", () =>
  withFolder((folder) => {
    const files = { train: "b/a.csv", test: "/c", label: "stars" };
    const hold = (model: string, source: unknown) =>
      Deno.writeTextFileSync(
        resultsPath(folder),
        JSON.stringify({ model: { folder: model }, dataset: { origin: { source } } }),
      );
    const check = () => {
      requireSameInputs(folder, "m", files);
    };
    check();
    for (const text of ["[", "3", "{}", '{"model": {}, "dataset": {"origin": null}}']) {
      Deno.writeTextFileSync(resultsPath(folder), text);
      check();
    }
    hold(resolve("m"), { ...files, train: resolve("b/a.csv"), text: "text" });
    check();
    const refused = (model: string, source: unknown, what: string) => {
      hold(model, source);
      assert.throws(check, {
        name: "SpindleError",
        message: `Cannot write results to "${folder}" as it holds those of a run ${what}: ` +
          "pass --out FOLDER",
      });
    };
    refused("/n/m", files, 'with --model "/n/m"');
    refused("m", { ...files, train: "/mr.csv" }, 'with --train "/mr.csv"');
    refused("m", { ...files, label: undefined }, 'with --label "label"');
    refused("m", { train: "b/a.csv", label: "stars" }, "without --test");
    refused("m", { name: "mr" }, 'with --dataset "mr"');
  }));
