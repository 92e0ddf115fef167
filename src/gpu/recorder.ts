import { roundUp } from "../util.ts";
import type { Gpu } from "./device.ts";
import { type Dispatch, paramBytes } from "./dispatch.ts";
import { compile, resources } from "./kernel.ts";
import type { Readback } from "./readback.ts";
import { Staging } from "./staging.ts";

const uniformBytes = 64 * 1024;

/**
 * Floating-point operations of a submission on a GPU: work that takes some seconds loses the device
 * to a watchdog, and slow GPUs do 1e11 operations a second.
 */
export const mostOperations = 5e10;

/**
 * Records dispatches and copies, and submits them in order: as one piece of work on a software
 * driver, which holds a submission up until the one before is done, elsewhere in pieces of
 * {@linkcode mostOperations}. Disposed, it gives back what it holds for work that was not
 * submitted.
 */
export class Recorder implements Disposable {
  /** Made for the first command: one that is never finished keeps its memory for long. */
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  /** Finished ones, to be submitted before what the encoder holds. */
  #pieces: GPUCommandBuffer[] = [];
  /** Of what the encoder holds. */
  #operations = 0;
  #readbacks: Readback[] = [];
  #uniforms: { buffer: GPUBuffer; bytes: Uint8Array<ArrayBuffer>; used: number }[] = [];
  readonly #staging: Staging;

  constructor(readonly gpu: Gpu) {
    this.#staging = new Staging(gpu);
  }

  /** Adds one dispatch; it sees what the dispatches before it wrote. */
  dispatch(dispatch: Dispatch): void {
    if (dispatch.operations) this.#count(dispatch.operations);
    const staged = this.#staging.stage(dispatch);
    this.#run(staged?.dispatch ?? dispatch);
    if (!staged) return;
    this.#endPass();
    this.#open().copyBufferToTexture(staged.from, staged.to, [...staged.size]);
  }

  #count(operations: number): void {
    const isFull = this.#operations > 0 && this.#operations + operations > mostOperations;
    if (isFull && !this.gpu.adapter.software) this.#pieces.push(this.#finish());
    this.#operations += operations;
  }

  #run(dispatch: Dispatch): void {
    const { pipeline, layout } = compile(this.gpu, dispatch);
    const params = paramBytes(dispatch);
    const entries = resources(dispatch).map((resource, i) => ({ binding: i + 1, resource }));
    if (params.length > 0) entries.unshift({ binding: 0, resource: this.#uniform(params) });
    this.#pass ??= this.#open().beginComputePass();
    this.#pass.setPipeline(pipeline);
    this.#pass.setBindGroup(0, this.gpu.device.createBindGroup({ layout, entries }));
    this.#pass.dispatchWorkgroups(...dispatch.workgroups);
  }

  /** Adds a copy of the first bytes of a buffer, to be read once this is submitted. */
  copyBack(from: GPUBuffer, readback: Readback, bytes: number): void {
    this.#endPass();
    this.#open().copyBufferToBuffer(from, 0, readback.target, 0, roundUp(bytes, 4));
    this.#readbacks.push(readback);
  }

  /** Adds a copy of a texture, to be read once this is submitted. */
  copyTextureBack(
    texture: GPUTexture,
    readback: Readback,
    bytesPerRow: number,
    size: readonly [number, number],
  ): void {
    this.#endPass();
    const target = { buffer: readback.target, bytesPerRow };
    this.#open().copyTextureToBuffer({ texture }, target, [...size]);
    this.#readbacks.push(readback);
  }

  /**
   * Submits what was recorded. The recorder can be used again afterwards.
   *
   * @param before What is submitted with its first piece, before that, and `after` what with its
   * last piece, after that.
   * @throws {SpindleError} If the GPU rejected an earlier command or was lost.
   */
  submit(before: readonly GPUCommandBuffer[] = [], after: readonly GPUCommandBuffer[] = []): void {
    const { gpu } = this;
    gpu.check();
    // The queue keeps order: a uniform buffer may be written again once its reader is submitted.
    for (const { buffer, bytes, used } of this.#uniforms) {
      gpu.device.queue.writeBuffer(buffer, 0, bytes, 0, roundUp(used, 4));
    }
    // Encodes it all, which can go on while the GPU works.
    const pieces = [...this.#pieces, this.#finish()].map((piece) => [piece]);
    pieces[0]!.unshift(...before);
    pieces.at(-1)!.push(...after);
    // Software drivers hold a submission up until the ones before are done, and who begins to wait
    // after it waits for it, too.
    for (const readback of gpu.unread) readback.wait();
    for (const piece of pieces) gpu.device.queue.submit(piece);
    for (const readback of this.#readbacks) gpu.unread.add(readback);
    this.#readbacks = [];
    this.#release();
  }

  #open(): GPUCommandEncoder {
    return this.#encoder ??= this.gpu.device.createCommandEncoder();
  }

  #finish(): GPUCommandBuffer {
    this.#endPass();
    const finished = this.#open().finish();
    this.#encoder = undefined;
    this.#operations = 0;
    return finished;
  }

  [Symbol.dispose](): void {
    this.#release();
  }

  #release(): void {
    this.#pieces = [];
    this.#staging.release();
    this.gpu.idleUniforms.push(...this.#uniforms.map(({ buffer }) => buffer));
    this.#uniforms = [];
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = undefined;
  }

  #uniform(params: Uint8Array): GPUBufferBinding {
    const step = this.gpu.device.limits.minUniformBufferOffsetAlignment;
    const size = roundUp(params.length, 16);
    let chunk = this.#uniforms.at(-1);
    if (!chunk || chunk.used + size > uniformBytes) {
      const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
      const buffer = this.gpu.idleUniforms.pop() ??
        this.gpu.device.createBuffer({ size: uniformBytes, usage, label: "params" });
      chunk = { buffer, bytes: new Uint8Array(uniformBytes), used: 0 };
      this.#uniforms.push(chunk);
    }
    const offset = chunk.used;
    chunk.bytes.set(params, offset);
    chunk.used = roundUp(offset + size, step);
    return { buffer: chunk.buffer, offset, size };
  }
}
