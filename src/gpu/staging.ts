import type { Gpu } from "./device.ts";
import type { Dispatch } from "./dispatch.ts";
import { type Matrix, oddMultiple } from "./matrix.ts";
import { createStorage, type StorageBuffer } from "./memory.ts";
import { texelBytes } from "./precision.ts";

/** A dispatch that writes its matrix to a buffer, and the copy from there to its texture. */
interface Staged {
  readonly dispatch: Dispatch;
  readonly from: GPUTexelCopyBufferInfo;
  readonly to: GPUTexelCopyTextureInfo;
  readonly size: readonly [number, number];
}

const idle = new WeakMap<Gpu, StorageBuffer[]>();

/** The buffers of a GPU in which nobody stages matrices at the moment. */
export function idleStaging(gpu: Gpu): StorageBuffer[] {
  const known = idle.get(gpu);
  if (known) return known;
  const buffers: StorageBuffer[] = [];
  gpu.kept.defer(() => buffers.forEach((buffer) => buffer[Symbol.dispose]()));
  idle.set(gpu, buffers);
  return buffers;
}

/**
 * Buffers that kernels write to before it is copied to a texture: Mesa's software driver takes
 * twice to three times as long to store a texel to a texture as to store it to a buffer and copy
 * it.
 */
export class Staging {
  #current: StorageBuffer | undefined;
  #outgrown: StorageBuffer[] = [];

  constructor(readonly gpu: Gpu) {}

  /** The dispatch as it is better run; undefined where that is as it is. */
  stage(dispatch: Dispatch): Staged | undefined {
    const { writes = {}, writtenRows: rows } = dispatch;
    const [written, ...others] = Object.entries(writes);
    if (!rows || !written || others.length || !this.gpu.adapter.software) return undefined;
    const [name, matrix] = written;
    const { memory: texture, texels } = matrix;
    if (!(texture instanceof GPUTexture)) return undefined;
    const stride = oddMultiple(rows, pitchRows);
    const bytesPerRow = stride * texelBytes("f32");
    if (bytesPerRow * texels > this.gpu.device.limits.maxStorageBufferBindingSize) return undefined;
    const memory = this.#buffer(bytesPerRow * texels);
    const staged: Matrix = { ...matrix, memory, stride };
    return {
      dispatch: { ...dispatch, writes: { [name]: staged } },
      from: { buffer: memory.buffer, bytesPerRow },
      to: { texture },
      size: [rows, texels],
    };
  }

  /** Once all that was staged is submitted or given up: gives the buffer back to the GPU's pool. */
  release(): void {
    for (const buffer of this.#outgrown) buffer[Symbol.dispose]();
    if (this.#current) idleStaging(this.gpu).push(this.#current);
    this.#outgrown = [];
    this.#current = undefined;
  }

  #buffer(bytes: number): StorageBuffer {
    this.#current ??= idleStaging(this.gpu).pop();
    if (this.#current && this.#current.buffer.size >= bytes) return this.#current;
    if (this.#current) this.#outgrown.push(this.#current);
    return this.#current = createStorage(this.gpu, bytes, "staging");
  }
}

/** The rows of a copy are multiples of 256 bytes. */
const pitchRows = 256 / texelBytes("f32");
