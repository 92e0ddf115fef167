import assert from "node:assert/strict";
import { Gpu, requestGpu } from "../src/gpu/device.ts";

/**
 * Registers a test for each way in which kernels are specialised: matrices in textures, in buffers,
 * and what a hardware GPU would be given. Each also checks that all GPU memory is freed.
 */
export function gpuTest(name: string, body: (gpu: Gpu) => Promise<void>): void {
  for (const storage of ["texture", "buffer"] as const) {
    Deno.test(`${name}, in ${storage}s`, async () => {
      using gpu = await requestGpu({ storage });
      await body(gpu);
      assert.equal(gpu.liveBytes, 0, "GPU memory was not freed");
    });
  }
  Deno.test(`${name}, as on a hardware GPU`, async () => {
    const { device, adapter, features } = await requestGpu();
    using gpu = new Gpu(device, { ...adapter, software: false }, features, 64, false, "buffer");
    await body(gpu);
    assert.equal(gpu.liveBytes, 0, "GPU memory was not freed");
  });
}
