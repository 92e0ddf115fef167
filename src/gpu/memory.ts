import { roundUp, SpindleError } from "../util.ts";
import type { Gpu } from "./device.ts";

/** Creates a storage buffer of `bytes` bytes, counted in `gpu.liveBytes`. */
export function createStorage(gpu: Gpu, bytes: number, label: string): StorageBuffer {
  const size = bufferSize(bytes);
  if (size > gpu.device.limits.maxBufferSize) {
    throw new SpindleError(
      `Cannot allocate ${size} bytes for ${label} as the GPU allows ` +
        `${gpu.device.limits.maxBufferSize} a buffer: a smaller model, or fewer rows or states at ` +
        "once, are needed",
    );
  }
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const buffer = gpu.device.createBuffer({ size, usage, label });
  return new StorageBuffer(gpu, buffer);
}

/** The size of a buffer for so many bytes: whole texels, of which there is one at least. */
export function bufferSize(bytes: number): number {
  return Math.max(16, roundUp(bytes, 16));
}

/** Creates a storage buffer that holds `data`. */
export function uploadStorage(
  gpu: Gpu,
  data: ArrayBufferView<ArrayBuffer>,
  label: string,
): StorageBuffer {
  const storage = createStorage(gpu, data.byteLength, label);
  storage.write(data);
  return storage;
}

/** A storage buffer that is freed when disposed. */
export class StorageBuffer implements Disposable {
  #freed = false;

  constructor(readonly gpu: Gpu, readonly buffer: GPUBuffer) {
    gpu.liveBytes += buffer.size;
  }

  /** Copies bytes from the host to `offset`. */
  write(data: ArrayBufferView<ArrayBuffer>, offset = 0): void {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    for (let at = 0; at < bytes.length; at += uploadPiece) {
      this.gpu.device.queue.writeBuffer(
        this.buffer,
        offset + at,
        bytes.subarray(at, at + uploadPiece),
      );
    }
  }

  [Symbol.dispose](): void {
    if (this.#freed) return;
    this.#freed = true;
    this.gpu.liveBytes -= this.buffer.size;
    this.buffer.destroy();
  }
}

/** Larger single transfers spend their time in page faults. */
export const uploadPiece = 16 * 2 ** 20;
