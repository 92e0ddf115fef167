import type { Gpu } from "../gpu/device.ts";
import { type GpuOptions, openGpu } from "../gpu/request.ts";
import { requireWideVectors } from "./wide_vectors.ts";

/**
 * Requests the adapter and a device with all the limits that it offers.
 *
 * @param options What to decide here instead of by the adapter.
 * @returns The device; dispose it when done.
 * @throws {SpindleError} If there is no such storage, no adapter, its driver gives no device, or
 * the first self-test with wide vectors fails.
 *
 * @example
 * ```ts
 * import { requestGpu } from "spindle";
 *
 * using gpu = await requestGpu();
 * console.log(gpu.adapter.description);
 * ```
 */
export async function requestGpu(options: GpuOptions = {}): Promise<Gpu> {
  using onFailure = new DisposableStack();
  const gpu = onFailure.use(await openGpu(options));
  await requireWideVectors(gpu);
  onFailure.move();
  return gpu;
}
