import { checkVectorWidth, chooseVectorWidth } from "../tuning/vector_width.ts";
import { requireOneOf, SpindleError } from "../util.ts";
import type { Pipeline } from "./kernel.ts";
import type { Readback, StorageBuffer } from "./memory.ts";
import { storageOf } from "./tuning.ts";

/** How matrices lie in GPU memory: software drivers read storage textures fastest, GPUs buffers. */
export type MatrixStorage = "texture" | "buffer";

/** Which adapter a {@linkcode Gpu} runs on. */
export interface AdapterDescription {
  /** Who made it, such as `nvidia` or `mesa`. */
  readonly vendor: string;
  /** The driver's own name for it. */
  readonly description: string;
  /** Whether the adapter is a software driver: the CPU does the work. */
  readonly software: boolean;
}

/** Choices that {@linkcode requestGpu} otherwise makes from the adapter. */
export interface GpuOptions {
  /** Where matrices lie. */
  storage?: MatrixStorage;
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
   * Buffers that no recorder stages matrices in at the moment.
   *
   * @ignore
   */
  readonly idleStaging: StorageBuffer[] = [];
  /**
   * Readbacks of submitted work that nobody waits for yet.
   *
   * @ignore
   */
  readonly unread: Set<Readback> = new Set();
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
      this.#fail(
        `The GPU rejected a command: ${
          firstLines((event as GPUUncapturedErrorEvent).error.message)
        }`,
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

  /** Throws the first validation error or device loss since the start, if there was one. */
  check(): void {
    if (this.#disposed) {
      throw new SpindleError("Cannot use the GPU as it was disposed: request it again");
    }
    if (this.#failure) throw this.#failure;
  }

  /** Frees the device and everything that lives on it. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    for (const buffer of this.idleUniforms) buffer.destroy();
    for (const buffer of this.idleStaging) buffer[Symbol.dispose]();
    this.device.destroy();
  }
}

/**
 * Requests the adapter and a device with all the limits that it offers.
 *
 * @param options What to decide here instead of by the adapter.
 * @returns The device; dispose it when done.
 * @throws {SpindleError} If there is no adapter, or its first self-test with wide vectors fails.
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
  if (options.storage) requireOneOf("the storage", options.storage, ["texture", "buffer"]);
  quietMesa();
  chooseVectorWidth();
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) {
    throw new SpindleError(
      "Cannot find a WebGPU adapter: install a Vulkan driver " +
        '(Debian and Ubuntu: "apt-get install libvulkan1 mesa-vulkan-drivers", which works without a GPU)',
    );
  }
  const { description, vendor, architecture, subgroupMinSize, subgroupMaxSize } = adapter.info;
  const name = description || architecture; // browsers leave the description out
  const software = /llvmpipe|lavapipe|swiftshader|warp|basic render/i.test(name);
  const lanes = software ? (subgroupMinSize || 8) : 64;
  const device = await requestDevice(adapter);
  const oneSize = subgroupMinSize === lanes && subgroupMaxSize === lanes;
  const described = { vendor: vendorName(vendor), description: name, software };
  using onFailure = new DisposableStack();
  const gpu = onFailure.use(
    new Gpu(
      device,
      described,
      [...adapter.features],
      lanes,
      oneSize && device.features.has("subgroups"),
      options.storage ?? storageOf(described) ??
        (software && device.limits.maxStorageTexturesPerShaderStage >= mostTextures
          ? "texture"
          : "buffer"),
    ),
  );
  await checkVectorWidth(gpu);
  onFailure.move();
  return gpu;
}

/** The most matrices that a kernel binds: a linear layer with all its parts. */
export const mostTextures = 6;

/** Some drivers have subgroups and do not say so: they are asked for first. */
async function requestDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  const requiredLimits = offeredLimits(adapter.limits);
  const offered = (["timestamp-query"] as const).filter((name) => adapter.features.has(name));
  try {
    const requiredFeatures = [...offered, "subgroups" as const];
    return await adapter.requestDevice({ requiredFeatures, requiredLimits });
  } catch {
    return await adapter.requestDevice({ requiredFeatures: offered, requiredLimits });
  }
}

/** Mesa prints two error lines where this variable is not set. */
function quietMesa(): void {
  try {
    if (!Deno.env.get("XDG_RUNTIME_DIR")) Deno.env.set("XDG_RUNTIME_DIR", "/tmp");
  } catch { /* without the permission there are two lines more on stderr */ }
}

/** The limits that decide which models fit and which kernels run. */
export const wantedLimits = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxStorageTexturesPerShaderStage",
  "maxTextureDimension2D",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupStorageSize",
] as const;

function offeredLimits(limits: GPUSupportedLimits): Record<string, number> {
  return Object.fromEntries(wantedLimits.map((name) => [name, limits[name]]));
}

/** Deno reports the vendor as a PCI or Vulkan number. */
function vendorName(vendor: string): string {
  const names: Record<string, string> = {
    "65541": "mesa",
    "4318": "nvidia",
    "4098": "amd",
    "32902": "intel",
    "5045": "arm",
    "20803": "qualcomm",
    "4203": "apple",
  };
  return names[vendor] ?? vendor;
}

function firstLines(message: string): string {
  return message.split("\n").map((line) => line.trim()).filter(Boolean).slice(0, 4).join(" ");
}
