import assert from "node:assert/strict";
import { Gpu, type MatrixStorage } from "../src/gpu/device.ts";
import { idleStaging } from "../src/gpu/staging.ts";
import { useTuning } from "../src/gpu/tuning.ts";
import { requestGpu } from "../src/tuning/request.ts";

/**
 * Registers a test for each way in which kernels are specialised: matrices in textures, in buffers,
 * and what a hardware GPU would be given. It sees the default kernels, whatever was the fastest on
 * this machine. Each also checks that all GPU memory is freed.
 */
export function gpuTest(name: string, body: (gpu: Gpu) => Promise<void>): void {
  const requests = {
    "in textures": () => requestGpu({ storage: "texture" }),
    "in buffers": () => requestGpu({ storage: "buffer" }),
    "as on a hardware GPU": () => requestHardware(),
  };
  for (const [where, request] of Object.entries(requests)) {
    Deno.test(`${name}, ${where}`, async () => {
      using gpu = await request();
      useTuning(gpu, {});
      await body(gpu);
      assertFreed(gpu);
    });
  }
}

/** What a hardware GPU would be given, of the device that there is. */
export async function requestHardware(
  options: { storage?: MatrixStorage; subgroups?: boolean } = {},
): Promise<Gpu> {
  const { storage = "buffer", subgroups = false } = options;
  const { device, adapter, features } = await requestGpu();
  return new Gpu(device, { ...adapter, software: false }, features, 64, subgroups, storage);
}

/** Lets kernels see no more than so many bytes of a buffer. */
export function limitBindings({ device }: Gpu, bytes: number): void {
  const value = new Proxy(device.limits, {
    get: (limits, name) =>
      name === "maxStorageBufferBindingSize" ? bytes : Reflect.get(limits, name, limits),
  });
  Object.defineProperty(device, "limits", { value });
}

/** Bytes of GPU memory without what the device keeps for the next recorder. */
export function ownedBytes(gpu: Gpu): number {
  return gpu.liveBytes - idleStaging(gpu).reduce((sum, { buffer }) => sum + buffer.size, 0);
}

/** Checks that nobody owns GPU memory any more. */
export function assertFreed(gpu: Gpu): void {
  assert.equal(ownedBytes(gpu), 0, "GPU memory was not freed");
}
