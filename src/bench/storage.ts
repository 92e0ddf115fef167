import { Gpu, type MatrixStorage } from "../gpu/device.ts";

/**
 * The same device with its matrices in the other kind of memory; owned by the given one, and not
 * to be disposed.
 */
export function withStorage(gpu: Gpu, storage: MatrixStorage): Gpu {
  if (gpu.storage === storage) return gpu;
  return new Gpu(gpu.device, gpu.adapter, gpu.features, gpu.lanes, gpu.subgroups, storage);
}
