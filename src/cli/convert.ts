import { join } from "node:path";
import { convertWeights } from "../formats/convert.ts";
import { requireModelFolder } from "../model/files.ts";
import { megabytes } from "../util.ts";
import { defineCommand } from "./command.ts";
import { type Progress, startProgress } from "./progress.ts";
import { escapeControls, print } from "./terminal.ts";

const dtypes = { f16: "F16", f32: "F32", bf16: "BF16" } as const;

/** `spindle convert`. */
export const command = defineCommand({
  name: "convert",
  summary: "Write a model to another folder with its weights in another float type",
  positionals: {
    folder: { count: "one", description: "The model: config.json and safetensors files" },
    out: { count: "one", description: "The folder to write, refused where it holds a model" },
  },
  options: {
    weights: {
      type: "choice",
      choices: ["f16", "f32", "bf16"],
      default: "f16",
      description: "The float type of the weights",
    },
  },
  example: "convert models/all-MiniLM-L6-v2 minilm-f32 --weights f32",
  async run({ folder, out, weights }) {
    requireModelFolder(folder);
    using shown = new DisposableStack();
    let progress: Progress | undefined;
    const count = await convertWeights(folder, out, dtypes[weights], (done, total) => {
      progress ??= shown.use(startProgress("convert", total / 1e6, "MB"));
      progress.update(done / 1e6);
    });
    const path = join(out, "model.safetensors");
    const { size } = await Deno.stat(path);
    print(`${escapeControls(path)}: ${count} tensors, ${weights}, ${megabytes(size)}`);
  },
});
