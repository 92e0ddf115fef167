import assert from "node:assert/strict";
import { requestGpu } from "../../src/tuning/request.ts";
import { checkLinear } from "../../src/tuning/self_test.ts";
import { assertFreed } from "../gpu.ts";
import { runSpindle } from "./support.ts";

Deno.test("spindle doctor names the adapter and passes its self-test", async () => {
  const { code, stdout, stderr } = await runSpindle(["doctor"]);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, new RegExp(`^Deno +${Deno.version.deno},`, "m"));
  assert.match(stdout, /^Adapter +\S+/m);
  assert.match(stdout, /^Limits +maxBufferSize \d/m);
  assert.match(stdout, /^Self-test +passed: linear layer 37 x 130 x 53, largest difference \d/m);
});

Deno.test("spindle doctor --json prints one document about the same adapter", async () => {
  const { code, stdout, stderr } = await runSpindle(["doctor", "--json"]);
  assert.deepEqual([code, stderr], [0, ""]);
  const diagnosis = JSON.parse(stdout);
  using gpu = await requestGpu();
  assert.deepEqual(diagnosis.adapter, gpu.adapter);
  assert.equal(diagnosis.lanes, gpu.lanes);
  assert.equal(diagnosis.storage, gpu.storage);
  assert.equal(diagnosis.limits.maxBufferSize, gpu.device.limits.maxBufferSize);
  assert.deepEqual(diagnosis.features, gpu.features.toSorted());
  assert.deepEqual(diagnosis.selfTest.shape, [37, 130, 53]);
  assert.equal(diagnosis.selfTest.passed, true);
  assert.ok(diagnosis.selfTest.largestDifference <= diagnosis.selfTest.bound);
});

Deno.test("spindle doctor says what to install where there is no adapter", async () => {
  const { code, stdout, stderr } = await runSpindle(["doctor", "--json"], {
    env: { DENO_WEBGPU_BACKEND: "dx12" },
  });
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /^spindle: Cannot find a WebGPU adapter: .*mesa-vulkan-drivers[^\n]*\n$/);
});

for (const storage of ["texture", "buffer"] as const) {
  Deno.test(`the self-test passes on matrices in a ${storage} and frees its memory`, async () => {
    using gpu = await requestGpu({ storage });
    const { passed, largestDifference } = await checkLinear(gpu);
    assert.ok(passed && largestDifference > 0, `largest difference ${largestDifference}`);
    assertFreed(gpu);
  });
}
