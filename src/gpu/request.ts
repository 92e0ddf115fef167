import { isGranted, messageOf, requireOneOf, SpindleError } from "../util.ts";
import { Gpu, type MatrixStorage, storages } from "./device.ts";
import { disableShaderCacheWithoutRoom } from "./shader_cache.ts";
import { storageOf } from "./tuning.ts";
import { chooseVectorWidth } from "./vector_width.ts";

/** Choices that are otherwise made from the adapter. */
export interface GpuOptions {
  /** Where matrices lie. */
  readonly storage?: MatrixStorage | undefined;
}

/** The most matrices that a kernel binds: a linear layer with all its parts. */
export const mostTextures = 6;

/**
 * Opens a device with all the limits that the adapter offers, as it comes.
 *
 * @throws {SpindleError} If there is no such storage, no adapter, or its driver gives no device.
 */
export async function openGpu(options: GpuOptions = {}): Promise<Gpu> {
  if (options.storage) requireOneOf("the storage", options.storage, storages);
  quietMesa();
  leaveOpenGlOut();
  chooseVectorWidth();
  disableShaderCacheWithoutRoom();
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
  const device = await requestDevice(adapter, name);
  const oneSize = subgroupMinSize === lanes && subgroupMaxSize === lanes;
  const described = { vendor: vendorName(vendor), description: name, software };
  return new Gpu(
    device,
    described,
    [...adapter.features],
    lanes,
    oneSize && device.features.has("subgroups"),
    options.storage ?? storageOf(described) ??
      (software && device.limits.maxStorageTexturesPerShaderStage >= mostTextures
        ? "texture"
        : "buffer"),
  );
}

/** Some drivers have subgroups and do not say so: they are asked for first. */
async function requestDevice(adapter: GPUAdapter, name: string): Promise<GPUDevice> {
  const requiredLimits = offeredLimits(adapter.limits);
  const offered = (["timestamp-query"] as const).filter((feature) => adapter.features.has(feature));
  try {
    const requiredFeatures = [...offered, "subgroups" as const];
    return await adapter.requestDevice({ requiredFeatures, requiredLimits });
  } catch { /* without them, then */ }
  try {
    return await adapter.requestDevice({ requiredFeatures: offered, requiredLimits });
  } catch (error) {
    throw new SpindleError(
      `Cannot use ${name} as its driver gave no device (${messageOf(error)}): update the driver`,
    );
  }
}

/** Mesa prints two error lines where this variable is not set. */
function quietMesa(): void {
  setWhereUnset("XDG_RUNTIME_DIR", "/tmp");
}

/**
 * Deno asks all drivers that there are, OpenGL's too: with Mesa's the states are not within their
 * bound, and libEGL may abort the process at its end, as it frees twice what belongs to a thread
 * that ends just then (those of `deno test` do).
 */
function leaveOpenGlOut(): void {
  if (Deno.build.os === "linux") setWhereUnset("DENO_WEBGPU_BACKEND", "vulkan");
}

/** Sets a variable that drivers read, where that is allowed and the user has not. */
function setWhereUnset(variable: string, value: string): void {
  if (!isGranted({ name: "env", variable })) return;
  if (!Deno.env.get(variable)) Deno.env.set(variable, value);
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
