import type { Gpu } from "../gpu/device.ts";
import { type MemoryNeeded, memoryNeeded, type MemoryOptions } from "../model/memory.ts";
import { isGranted, megabytes, SpindleError } from "../util.ts";
import { note } from "./terminal.ts";

/**
 * Says before a model is loaded how much memory it takes, and how much there is.
 *
 * @throws {SpindleError} If the host has less.
 */
export function noteMemory(gpu: Gpu, folder: string, options: MemoryOptions): void {
  const { software } = gpu.adapter;
  const needed = memoryNeeded(folder, { ...options, software });
  note(`Memory: ${describeMemory(needed)}; free: ${describeFreeMemory()}`);
  requireMemory(folder, needed, software, freeMemory());
}

/**
 * Compares what a model takes with what the host has. A software driver's device memory is the
 * host's too; how much a GPU has, WebGPU does not tell.
 *
 * @throws {SpindleError} If the host has less.
 */
export function requireMemory(
  folder: string,
  { weights, states, captured, tables }: MemoryNeeded,
  software: boolean,
  free = Infinity,
): void {
  const onHost = tables + (software ? weights + states + captured : 0);
  if (onHost <= free) return;
  throw new SpindleError(
    `Cannot load "${folder}" as it takes ${megabytes(onHost)} of the host's memory and ` +
      `${megabytes(free)} are free: take a smaller model, or --weights f16 where it is not given`,
  );
}

/** Says how much memory a model takes. */
export function describeMemory({ weights, states, captured, tables }: MemoryNeeded): string {
  const parts = [
    `weights ${megabytes(weights)}`,
    `states of a batch ${megabytes(states)}`,
    `captured ones at most ${megabytes(captured)}`,
  ];
  return `${megabytes(weights + states + captured)} on the device (${parts.join(", ")}), ` +
    `${megabytes(tables)} on the host (embedding tables)`;
}

/** Says how much memory the host has left. */
export function describeFreeMemory(): string {
  const free = freeMemory();
  return free === undefined ? "unknown without --allow-sys" : `${megabytes(free)} on the host`;
}

/** Bytes that the host has left; undefined without the permission to ask. */
function freeMemory(): number | undefined {
  if (!isGranted({ name: "sys", kind: "systemMemoryInfo" })) return undefined;
  const { available, swapFree } = Deno.systemMemoryInfo();
  return available + swapFree;
}
