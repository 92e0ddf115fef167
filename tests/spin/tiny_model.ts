import { join } from "node:path";
import { openSafetensors, readFloats, writeSafetensors } from "../../src/formats/safetensors.ts";
import { byteLevel } from "../model/tokenizers.ts";

const golden = new URL("../model/golden/gpt2", import.meta.url).pathname;
const embedding = "transformer.wte.weight";

/** Writes GPT-2 of width 12 to a folder; it takes 12 tokens, one for each of the letters a to t. */
export function writeTinyModel(folder: string): void {
  for (const name of ["config.json", "model.safetensors"]) {
    Deno.copyFileSync(join(golden, name), join(folder, name));
  }
  const vocab = Object.fromEntries(
    Object.entries(byteLevel.model.vocab).filter(([, id]) => id < 23),
  );
  Deno.writeTextFileSync(
    join(folder, "tokenizer.json"),
    JSON.stringify({ ...byteLevel, model: { ...byteLevel.model, vocab } }),
  );
}

/** Makes the embedding of a letter infinite in a model that {@linkcode writeTinyModel} wrote. */
export function breakLetter(folder: string, letter: string): void {
  const path = join(folder, "model.safetensors");
  using file = openSafetensors(path);
  const tensors = new Map([...file.tensors].map(([name, { shape }]) => {
    const data = readFloats(file, name);
    if (name === embedding) data[shape[1]! * byteLevel.model.vocab[letter]! + 3] = Infinity;
    return [name, { dtype: "F32" as const, shape, data }];
  }));
  writeSafetensors(path, tensors);
}
