import { SpindleError } from "../util.ts";
import type { Gpu } from "./device.ts";
import { bufferSize } from "./memory.ts";

/** Readbacks up to this size are worth the memory that it takes to read them at once. */
const largestAtOnce = 16 * 2 ** 20;

/** A host-visible buffer for reading results back. */
export class Readback implements Disposable {
  readonly #buffer: GPUBuffer;
  readonly #readsAtOnce: boolean;
  /** Comes to the reason where the results cannot be read. */
  #waiting: Promise<Error | undefined> | undefined;
  #shown: ArrayBuffer | undefined;
  #freed = false;

  constructor(readonly gpu: Gpu, bytes: number) {
    const size = bufferSize(bytes);
    this.#readsAtOnce = size <= largestAtOnce;
    this.#buffer = gpu.device.createBuffer({
      size,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
      label: "readback",
      mappedAtCreation: this.#readsAtOnce, // Deno crashes if one that never was is read at once
    });
    if (this.#readsAtOnce) this.#unmap();
    gpu.liveBytes += size;
  }

  /** The buffer that commands copy into before {@linkcode read}. */
  get target(): GPUBuffer {
    return this.#buffer;
  }

  /**
   * Begins to wait for the work that was submitted so far; {@linkcode read} goes on with it. In
   * Deno the call itself takes until that work is done.
   */
  wait(): void {
    this.gpu.unread.delete(this);
    this.#waiting ??= this.#buffer.mapAsync(GPUMapMode.READ)
      .then(() => undefined, (error: Error) => error);
  }

  /**
   * Waits for the submitted work and shows its results where they lie, until this is disposed.
   *
   * @throws {SpindleError} If the GPU rejected a command or was lost.
   */
  async map(): Promise<ArrayBuffer> {
    await this.gpu.settle(); // while the GPU works others can prepare their own work
    this.wait();
    this.#shown = this.#readsAtOnce ? this.#mapped() : undefined;
    const error = this.#shown ? undefined : await this.#waiting;
    this.#waiting = undefined;
    if (error) {
      await this.gpu.settle(); // the loss of a device is told later
      throw new SpindleError(`Cannot read the GPU's results: ${error.message}`);
    }
    this.gpu.check();
    return this.#shown ??= this.#buffer.getMappedRange();
  }

  /** Deno's promise comes 10 ms after the results; elsewhere they cannot be read before it. */
  #mapped(): ArrayBuffer | undefined {
    try {
      return this.#buffer.getMappedRange();
    } catch {
      return undefined;
    }
  }

  /**
   * Waits for the submitted work and copies the first `bytes` bytes.
   *
   * @throws {SpindleError} If the GPU rejected a command or was lost.
   */
  async read(bytes: number): Promise<ArrayBuffer> {
    const copy = (await this.map()).slice(0, bytes);
    this.#unmap();
    this.#shown = undefined;
    return copy;
  }

  /** A lost device refuses to; the loss itself is told to whoever submits or reads. */
  #unmap(): void {
    try {
      this.#buffer.unmap();
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
    }
  }

  [Symbol.dispose](): void {
    if (this.#freed) return;
    this.#freed = true;
    this.gpu.unread.delete(this);
    this.gpu.liveBytes -= this.#buffer.size;
    if (this.#shown) this.#unmap(); // it must not outlive the memory that it lies in
    this.#buffer.destroy();
  }
}

/** What a recorder copies back: read it once that was submitted, then dispose it. */
export interface Pending<Result> extends Disposable {
  read(): Promise<Result>;
}
