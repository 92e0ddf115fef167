import { join } from "node:path";
import { exists } from "../formats/files.ts";
import { families } from "../model/families/mod.ts";
import { readModel } from "../model/family.ts";
import { longestText } from "../model/longest.ts";
import { memoryNeeded } from "../model/memory.ts";
import type { ModelSpec } from "../model/spec.ts";
import { layersOf, sites } from "../model/states.ts";
import { loadTokenizer } from "../model/tokenizer.ts";
import { defineCommand } from "./command.ts";
import { describeFreeMemory, describeMemory } from "./memory_note.ts";
import { print } from "./terminal.ts";

/** `spindle models`. */
export const command = defineCommand({
  name: "models",
  summary: "List the families of models, or the states of one model",
  positionals: {
    folder: { count: "optional", description: "A model: config.json and safetensors files" },
  },
  options: { json: { type: "flag", description: "Print one JSON document" } },
  example: "models models/all-MiniLM-L6-v2",
  // deno-lint-ignore require-await
  async run({ folder, json }) {
    if (folder === undefined) {
      const listed = families.map(({ modelTypes, summary }) => ({ modelTypes, summary }));
      print(json ? JSON.stringify(listed, null, 2) : describeFamilies(listed));
      return;
    }
    const { spec } = readModel(folder);
    const memory = {
      f32: memoryNeeded(folder, { weights: "f32" }),
      f16: memoryNeeded(folder, { weights: "f16" }),
    };
    const states = statesOf(spec);
    const { family, width, ffnWidth, vocabulary } = spec;
    const tokenizer = exists(join(folder, "tokenizer.json")) ? loadTokenizer(folder) : undefined;
    const longest = longestText(spec, tokenizer);
    if (json) {
      const numbers = { width, ffn: ffnWidth, vocabulary, longestText: longest };
      print(
        JSON.stringify({ family, ...numbers, tokenizer: !!tokenizer, states, memory }, null, 2),
      );
      return;
    }
    print([
      `family       ${family}: ${spec.stacks.map(describeStack).join("; ")}`,
      `vocabulary   ${vocabulary} ids, ${tokenizer ? "with" : "without"} tokenizer.json`,
      `tokens       texts are cut to ${longest}`,
      "",
      "state                    layers      neurons",
      ...states.map(({ name, layers, neurons }) =>
        `${name.padEnd(25)}${`0 to ${layers - 1}`.padEnd(12)}${layers} x ${neurons}`
      ),
      "",
      `float32      ${describeMemory(memory.f32)}`,
      `float16      ${describeMemory(memory.f16)}`,
      `free         ${describeFreeMemory()}`,
    ].join("\n"));
  },
});

function describeFamilies(listed: { modelTypes: readonly string[]; summary: string }[]): string {
  return listed.map(({ modelTypes, summary }) => `${modelTypes.join(", ").padEnd(22)}${summary}`)
    .join("\n");
}

function describeStack({ prefix, blocks, attention }: ModelSpec["stacks"][number]): string {
  const { heads, keyValueHeads, headWidth, causal } = attention;
  const shared = keyValueHeads < heads ? ` (${keyValueHeads} for keys and values)` : "";
  return `${prefix.replace(".", " ")}${blocks} blocks, ${heads} heads${shared} of ${headWidth}, ` +
    (causal ? "causal" : "bidirectional");
}

/** How many states a model has by stack and site, and neurons in each. */
function statesOf(spec: ModelSpec): { name: string; layers: number; neurons: number }[] {
  return spec.stacks.flatMap((stack) =>
    sites.map((site) => ({
      name: `${stack.prefix}${site}`,
      layers: layersOf(stack, site),
      neurons: site === "hidden" ? spec.width : spec.ffnWidth,
    }))
  );
}
