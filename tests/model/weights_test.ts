import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { memoryNeeded } from "../../src/model/memory.ts";
import { loadModel } from "../../src/model/load.ts";
import { verifyModel } from "../../src/model/verify.ts";
import { requestGpu } from "../../src/tuning/request.ts";
import { withFolder } from "../folder.ts";
import { rewriteModel } from "./rewrite.ts";

const golden = fileURLToPath(new URL("golden/", import.meta.url));
const head = "lm_head.weight";
const besideHead = { [head]: "score.weight", "model.embed_tokens.weight": head };

/** A model, its tie_word_embeddings where the embedding is the head's and where not, new names. */
type Case = [string, [boolean | undefined, boolean | undefined] | "always", Record<string, string>];

// `save_model` of safetensors writes a tensor that has several names under the first of them.
const cases: Case[] = [
  ["t5", "always", { "shared.weight": "decoder.embed_tokens.weight" }],
  ["t5_encoder", "always", { "shared.weight": "encoder.embed_tokens.weight" }],
  ["gpt2", [undefined, false], { "transformer.wte.weight": head }],
  ["gpt_neox", [true, undefined], {
    "embed_out.weight": "score.weight",
    "gpt_neox.embed_in.weight": "embed_out.weight",
  }],
  ["llama", [true, undefined], besideHead],
  ["qwen2", [true, undefined], besideHead],
  ["qwen3", [true, undefined], { "embed_tokens.weight": head }],
  ["roberta", [undefined, false], {
    "roberta.embeddings.word_embeddings.weight": "lm_head.decoder.weight",
  }],
  ["modernbert", [undefined, false], {
    "model.embeddings.tok_embeddings.weight": "decoder.weight",
  }],
];

async function assertPasses(folder: string, name: string): Promise<void> {
  using gpu = await requestGpu();
  using model = await loadModel(gpu, folder);
  assert.ok((await verifyModel(model, join(golden, name, "golden.safetensors"))).passed);
}

for (const [name, ties, names] of cases) {
  const [usual, other] = Object.entries(names).at(-1)!;
  const rewrite = (folder: string, tie_word_embeddings: boolean | undefined) =>
    rewriteModel(join(golden, name), folder, {
      settings: { tie_word_embeddings },
      rename: (name) => names[name] ?? name,
    });
  Deno.test(`the embedding of a tiny ${name} is found as ${other}`, () =>
    withFolder(async (folder) => {
      rewrite(folder, ties === "always" ? false : ties[0]);
      assert.ok(memoryNeeded(folder).tables > 0);
      await assertPasses(folder, name);
    }));
  if (ties === "always") continue;
  Deno.test(`the embedding of a tiny ${name} is not taken from a head of its own`, () =>
    withFolder((folder) => {
      rewrite(folder, ties[1]);
      assert.throws(() => memoryNeeded(folder), (error) => {
        assert.ok(String(error).includes(`Cannot find tensor "${usual}"`), String(error));
        return true;
      });
    }));
}

Deno.test("the embedding is found by another name behind a prefix as well", () =>
  withFolder(async (folder) => {
    const rename = (name: string) =>
      `transformer.${name === "shared.weight" ? "encoder.embed_tokens.weight" : name}`;
    rewriteModel(join(golden, "t5_encoder"), folder, { rename });
    await assertPasses(folder, "t5_encoder");
  }));
