import assert from "node:assert/strict";
import { requestGpu } from "../../src/gpu/device.ts";
import { sharedPath, sharedTest } from "../shared.ts";
import { compareWithGolden } from "./golden.ts";

const cases = ["bert", "bert-odd"];

async function check(folder: string, golden: string): Promise<void> {
  for (const storage of ["texture", "buffer"] as const) {
    using gpu = await requestGpu({ storage });
    const differences = await compareWithGolden(gpu, folder, golden);
    assert.ok(differences.size > 0);
    for (const [name, found] of differences) {
      assert.ok(found <= 1e-5, `${name} differs by ${found}`);
    }
    assert.equal(gpu.liveBytes, 0);
  }
}

for (const name of cases) {
  const folder = sharedPath(`parity/${name}`);
  sharedTest(
    `every state of ${name} is the reference library's`,
    [`parity/${name}`],
    () => check(folder, `${folder}/golden.safetensors`),
  );
}

const miniLm = "all-MiniLM-L6-v2";
sharedTest(
  `every state of ${miniLm} is the reference library's`,
  [`parity/${miniLm}`, `models/${miniLm}`],
  () => check(sharedPath(`models/${miniLm}`), sharedPath(`parity/${miniLm}/golden.safetensors`)),
);
