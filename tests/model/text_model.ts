import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadModel, type ModelOptions } from "../../src/model/load.ts";
import type { Model } from "../../src/model/model.ts";
import { seededRandom } from "../../src/random.ts";
import { requestGpu } from "../../src/tuning/request.ts";
import { withFolder } from "../folder.ts";
import { rewriteModel } from "./rewrite.ts";
import { byteLevel } from "./tokenizers.ts";

const golden = fileURLToPath(new URL("golden/llama", import.meta.url));
const letters = "abcdefghijklmnopqrst";

/** Writes a tiny model to a folder: at most 32 letters of a text, states of 12 neurons. */
export function writeTextModel(folder: string): void {
  Deno.mkdirSync(folder, { recursive: true });
  for (const { name } of Deno.readDirSync(golden)) {
    Deno.copyFileSync(join(golden, name), join(folder, name));
  }
  writeLetterTokenizer(folder);
}

/** Writes a tokenizer with 23 tokens: a token for the space and each letter from a to t. */
export function writeLetterTokenizer(folder: string): void {
  const tokens = ["<s>", "</s>", "Ġ", ...letters];
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const definition = { ...byteLevel, model: { ...byteLevel.model, vocab } };
  Deno.writeTextFileSync(join(folder, "tokenizer.json"), JSON.stringify(definition));
}

/** Makes neuron 3 of a letter's embedding infinite in a model of {@linkcode writeTextModel}. */
export function breakLetter(folder: string, letter: string): void {
  rewriteModel(folder, folder, {
    change: (name, data) => {
      if (name.endsWith("embed_tokens.weight")) {
        data[12 * (3 + letters.indexOf(letter)) + 3] = Infinity;
      }
    },
  });
}

/** Runs `body` with such a model, and with a folder of its own. */
export async function withTextModel(
  options: ModelOptions,
  body: (model: Model, folder: string) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    writeTextModel(join(folder, "model"));
    using gpu = await requestGpu();
    using model = await loadModel(gpu, join(folder, "model"), options);
    await body(model, folder);
  });
}

/**
 * Texts whose class shows in their letters, though not without fail: each class has some letters of
 * its own, and a third are any.
 */
export function letterTexts(labels: readonly number[], classes: number, seed = 1): string[] {
  const random = seededRandom(seed);
  const share = Math.floor(letters.length / classes);
  return labels.map((label) => {
    const length = 2 + Math.floor(9 * random());
    return Array.from({ length }, () => {
      const own = label * share + Math.floor(share * random());
      return letters[random() < 1 / 3 ? Math.floor(letters.length * random()) : own];
    }).join("");
  });
}
