import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { storages } from "../../src/gpu/device.ts";
import { loadModel } from "../../src/model/load.ts";
import { verifyModel } from "../../src/model/verify.ts";
import { requestGpu } from "../../src/tuning/request.ts";
import { assertFreed } from "../gpu.ts";
import { sharedPath, sharedTest } from "../shared.ts";

async function check(folder: string, golden = `${folder}/golden.safetensors`): Promise<void> {
  for (const storage of storages) {
    using gpu = await requestGpu({ storage });
    {
      using model = await loadModel(gpu, folder);
      const { tensors } = await verifyModel(model, golden);
      assert.ok(tensors.length > 0);
      for (const { name, maxRelative } of tensors) {
        assert.ok(maxRelative <= 1e-5, `${name} differs by ${maxRelative}`);
      }
    }
    assertFreed(gpu);
  }
}

// The configurations, with head projections, shards and float types, are in golden/make_golden.py.
for (
  const name of [
    "bert",
    "distilbert",
    "electra",
    "gpt2",
    "gpt_neox",
    "linear",
    "llama",
    "longrope",
    "modernbert",
    "qwen2",
    "qwen3",
    "roberta",
    "t5",
    "t5_encoder",
    "yarn",
    "yarn_defaults",
  ]
) {
  Deno.test(`every state of a tiny ${name} is the reference library's`, () =>
    check(fileURLToPath(new URL(`golden/${name}`, import.meta.url))));
}

for (const name of ["bert", "bert-odd", "distilbert", "roberta", "gpt2", "llama", "t5-gated"]) {
  const folder = sharedPath(`parity/${name}`);
  sharedTest(
    `every state of ../shared/parity/${name} is the reference library's`,
    [`parity/${name}`],
    () => check(folder),
  );
}

const miniLm = "all-MiniLM-L6-v2";
sharedTest(
  `every state of ${miniLm} is the reference library's`,
  [`parity/${miniLm}`, `models/${miniLm}`],
  () => check(sharedPath(`models/${miniLm}`), sharedPath(`parity/${miniLm}/golden.safetensors`)),
);
