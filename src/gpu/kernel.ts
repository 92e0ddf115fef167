import { SpindleError } from "../util.ts";
import type { Gpu, Pipeline } from "./device.ts";
import { type Dispatch, matrixOperands, paramBytes } from "./dispatch.ts";
import { preamble, readParamsOnce } from "./kernel_code.ts";

/** Compiles the kernel of a dispatch, or finds it compiled. */
export function compile(gpu: Gpu, dispatch: Dispatch): Pipeline {
  const { label, code } = dispatch;
  const head = preamble(dispatch);
  // Looked up apart: together they would be a new text, to be hashed at each dispatch.
  const ofCode = gpu.pipelines.get(code) ?? new Map<string, Pipeline>();
  gpu.pipelines.set(code, ofCode);
  let compiled = ofCode.get(head);
  if (!compiled) {
    // Some compilers want this line, others know subgroups only without it.
    const enable = gpu.features.includes("subgroups") ? "enable subgroups;\n" : "";
    const source = enable + head + readParamsOnce(dispatch);
    const entries = layoutEntries(dispatch);
    requireBindings(gpu, label, entries);
    const layout = gpu.device.createBindGroupLayout({ label, entries });
    const pipeline = gpu.device.createComputePipeline({
      label,
      layout: gpu.device.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
      compute: { module: gpu.device.createShaderModule({ label, code: source }) },
    });
    compiled = { pipeline, layout };
    ofCode.set(head, compiled);
  }
  return compiled;
}

function requireBindings(
  { adapter, device: { limits } }: Gpu,
  label: string,
  entries: readonly GPUBindGroupLayoutEntry[],
): void {
  const requireAtMost = (count: number, what: string, most: number) => {
    if (count <= most) return;
    throw new SpindleError(
      `Cannot run the kernel "${label}" on ${adapter.description} as it takes ${count} ${what} and ` +
        `${most} are allowed there: use another adapter`,
    );
  };
  const textures = entries.filter(({ storageTexture }) => storageTexture).length;
  const buffers = entries.filter(({ buffer }) => buffer && buffer.type !== "uniform").length;
  requireAtMost(textures, "storage textures", limits.maxStorageTexturesPerShaderStage);
  requireAtMost(buffers, "storage buffers", limits.maxStorageBuffersPerShaderStage);
}

/** The resources that a dispatch binds, in binding order, without the uniform at binding 0. */
export function resources(dispatch: Dispatch): GPUBindingResource[] {
  return [
    ...matrixOperands(dispatch).map(({ matrix }) =>
      matrix.memory instanceof GPUTexture
        ? matrix.memory.createView()
        : { buffer: matrix.memory.buffer }
    ),
    ...Object.values(dispatch.buffers ?? {}).map(({ storage, offset = 0, size }) => ({
      buffer: storage.buffer,
      offset,
      size: size ?? storage.buffer.size - offset,
    })),
  ];
}

function layoutEntries(dispatch: Dispatch): GPUBindGroupLayoutEntry[] {
  const visibility = GPUShaderStage.COMPUTE;
  const entries: GPUBindGroupLayoutEntry[] = [];
  if (paramBytes(dispatch).length > 0) {
    entries.push({ binding: 0, visibility, buffer: { type: "uniform" } });
  }
  const operands = matrixOperands(dispatch);
  operands.forEach(({ matrix, access }, i) => {
    const binding = i + 1;
    if (matrix.memory instanceof GPUTexture) {
      const storageTexture = {
        format: matrix.memory.format,
        access: `${access}-only` as GPUStorageTextureAccess,
      };
      entries.push({ binding, visibility, storageTexture });
    } else {
      const type = access === "read" ? "read-only-storage" : "storage";
      entries.push({ binding, visibility, buffer: { type } });
    }
  });
  Object.values(dispatch.buffers ?? {}).forEach(({ access }, i) => {
    const type = access === "read" ? "read-only-storage" : "storage";
    entries.push({ binding: 1 + operands.length + i, visibility, buffer: { type } });
  });
  return entries;
}
