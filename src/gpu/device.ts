import { messageOf, nextTurn, SpindleError } from "../util.ts";

/** How matrices lie in GPU memory: software drivers read storage textures fastest, GPUs buffers. */
export type MatrixStorage = "texture" | "buffer";

/** Every {@linkcode MatrixStorage}. */
export const storages: readonly MatrixStorage[] = ["texture", "buffer"];

/** Which adapter a {@linkcode Gpu} runs on. */
export interface AdapterDescription {
  /** Who made it, such as `nvidia` or `mesa`. */
  readonly vendor: string;
  /** The driver's own name for it. */
  readonly description: string;
  /** Whether the adapter is a software driver: the CPU does the work. */
  readonly software: boolean;
}

/** A compiled kernel. */
export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** A WebGPU device with what Spindle knows about it. Dispose it to free the device. */
export class Gpu implements Disposable {
  /**
   * Compiled pipelines by their kernel's WGSL code and by what the host puts in front of it.
   *
   * @ignore
   */
  readonly pipelines: Map<string, Map<string, Pipeline>> = new Map();
  /**
   * Uniform buffers that no recorder holds at the moment.
   *
   * @ignore
   */
  readonly idleUniforms: GPUBuffer[] = [];
  /**
   * What is kept for whoever needs the like next, until the device is freed.
   *
   * @ignore
   */
  readonly kept: DisposableStack = new DisposableStack();
  /**
   * Readbacks of submitted work that nobody waits for yet.
   *
   * @ignore
   */
  readonly unread: Set<{ wait(): void }> = new Set();
  /**
   * Bytes of the buffers and textures that were allocated and not yet freed, without the parameters
   * of kernels. Software drivers keep some to stage results in, until the device is freed.
   */
  liveBytes: number = 0;
  #failure: SpindleError | undefined;
  #disposed = false;

  /** The device itself. */
  readonly device: GPUDevice;
  /** Which adapter it is of. */
  readonly adapter: AdapterDescription;
  /** What the adapter offers. */
  readonly features: readonly string[];
  /** Invocations of a workgroup whose lanes run along the rows of a matrix. */
  readonly lanes: number;
  /** Whether a workgroup of that many lanes is one subgroup, whose lanes can read each other. */
  readonly subgroups: boolean;
  /** How matrices lie in its memory. */
  readonly storage: MatrixStorage;

  /** @ignore */
  constructor(
    device: GPUDevice,
    adapter: AdapterDescription,
    features: readonly string[],
    lanes: number,
    subgroups: boolean,
    storage: MatrixStorage,
  ) {
    this.device = device;
    this.adapter = adapter;
    this.features = features;
    this.lanes = lanes;
    this.subgroups = subgroups;
    this.storage = storage;
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      const { error } = event as GPUUncapturedErrorEvent;
      const reason = messageOf(error.message);
      this.#fail(
        error instanceof GPUOutOfMemoryError
          ? `Cannot allocate more of the GPU's memory as it is full (${reason}): a smaller model, ` +
            "its weights in float16, or fewer rows or states at once, are needed"
          : `The GPU rejected a command: ${reason}`,
      );
    });
    device.lost.then((info) => {
      if (!this.#disposed) {
        this.#fail(`The GPU device was lost (${info.message || info.reason}): start again`);
      }
    });
  }

  #fail(message: string): void {
    this.#failure ??= new SpindleError(message);
  }

  /** Throws the first error of a command or device loss since the start, if there was one. */
  check(): void {
    if (this.#disposed) {
      throw new SpindleError("Cannot use the GPU as it was disposed: request it again");
    }
    if (this.#failure) throw this.#failure;
  }

  /**
   * Waits until the errors of all commands so far are told, and throws the first.
   *
   * Deno tells them in the next round of its event loop, which two turns span and one may not.
   */
  async settle(): Promise<void> {
    await nextTurn();
    await nextTurn();
    this.check();
  }

  /** Frees the device and everything that lives on it. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    for (const buffer of this.idleUniforms) buffer.destroy();
    this.kept.dispose();
    this.device.destroy();
  }
}
