import { join } from "node:path";
import { exists } from "../formats/files.ts";
import { openSafetensors } from "../formats/safetensors.ts";
import { precisions } from "../gpu/precision.ts";
import { requireModelFolder } from "../model/files.ts";
import { loadModel } from "../model/load.ts";
import { verifyBound, verifyModel } from "../model/verify.ts";
import { requestGpu } from "../tuning/request.ts";
import { SpindleError } from "../util.ts";
import { defineCommand } from "./command.ts";
import { noteMemory } from "./memory_note.ts";
import { note, print } from "./terminal.ts";

const defaultGolden = "golden.safetensors";

/** `spindle verify`. */
export const command = defineCommand({
  name: "verify",
  summary: "Compare a model's states with those of a reference implementation",
  positionals: {
    folder: { count: "one", description: "The model: config.json and safetensors files" },
  },
  options: {
    golden: {
      type: "text",
      value: "FILE",
      description:
        "A safetensors file: input_ids and attention_mask [sentences, tokens], states such as " +
        "hidden.3 [sentences, tokens, width] and pooled ones such as hidden.3.mean [sentences, " +
        `width], each to be within ${verifyBound} of max(1, its largest value); ` +
        `default ${defaultGolden} in the folder`,
    },
    weights: {
      type: "choice",
      choices: precisions,
      default: "f32",
      description: "The float type of the weights on the GPU",
    },
    json: { type: "flag", description: "Print one JSON document" },
  },
  example: "verify my-model --golden my-model/golden.safetensors",
  async run({ folder, golden, weights, json }) {
    const reference = golden ?? join(folder, defaultGolden);
    requireModelFolder(folder);
    if (golden === undefined && !exists(reference)) {
      throw new SpindleError(
        `Cannot verify "${folder}" as it holds no ${defaultGolden}: pass --golden FILE`,
      );
    }
    openSafetensors(reference)[Symbol.dispose](); // loading the model first could take minutes
    using gpu = await requestGpu();
    noteMemory(gpu, folder, { weights });
    using model = await loadModel(gpu, folder, { weights });
    const result = await verifyModel(model, reference);
    if (json) {
      print(JSON.stringify(result, undefined, 2));
    } else {
      for (const { name, maxAbsolute, maxRelative, passed } of result.tensors) {
        print(
          `${name.padEnd(28)} absolute ${maxAbsolute.toExponential(2)}  ` +
            `relative ${maxRelative.toExponential(2)}  ${passed ? "ok" : "OVER THE BOUND"}`,
        );
      }
      if (result.idsEqual !== undefined) {
        print(`token ids: ${result.idsEqual ? "equal" : "DIFFERENT"}`);
      }
      const failed = result.tensors.filter(({ passed }) => !passed).length;
      note(
        `${
          result.tensors.length - failed
        } of ${result.tensors.length} tensors within ${result.bound}`,
      );
    }
    return result.passed ? 0 : 1;
  },
});
