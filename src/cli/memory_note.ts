import type { Gpu } from "../gpu/device.ts";
import {
  describeFreeMemory,
  describeMemory,
  freeMemory,
  memoryNeeded,
  type MemoryOptions,
} from "../model/memory.ts";
import { note } from "./terminal.ts";

/** Says before a model is loaded how much memory it takes, and warns where that is not there. */
export function noteMemory(gpu: Gpu, folder: string, options: MemoryOptions): void {
  const { software } = gpu.adapter;
  const needed = memoryNeeded(folder, { ...options, software });
  note(`Memory: ${describeMemory(needed)}; free: ${describeFreeMemory()}`);
  // A software driver's memory is the host's; how much a GPU has WebGPU does not tell.
  const onHost = needed.tables + (software ? needed.weights + needed.states : 0);
  if (onHost > (freeMemory() ?? Infinity)) {
    note("Warning: that is more than is free: pass --weights f16, or take a smaller model");
  }
}
