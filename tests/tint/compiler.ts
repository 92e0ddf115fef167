/** What a browser says of shaders and limits, which otherwise shows only in wrong results. */
export interface CompilerWatch {
  /** Distinct shaders so far. */
  readonly shaders: ReadonlySet<string>;
  /** What was found since the last call: the first shader rejected, the first limit exceeded. */
  take(): Promise<{ rejected: string | undefined; overLimit: string | undefined }>;
}

/** Watches what all devices compile from now on. */
export function watchCompiler(): CompilerWatch {
  const shaders = new Set<string>();
  let rejections: Promise<string | undefined>[] = [];
  let exceeded: string | undefined;
  const { createShaderModule, createBindGroupLayout } = GPUDevice.prototype;
  GPUDevice.prototype.createShaderModule = function (descriptor) {
    const module = createShaderModule.call(this, descriptor);
    shaders.add(descriptor.code);
    rejections.push(rejection(module, descriptor));
    return module;
  };
  const limitsOf = hideBindingLimits();
  GPUDevice.prototype.createBindGroupLayout = function (descriptor) {
    exceeded ??= overLimit(limitsOf(this), descriptor);
    return createBindGroupLayout.call(this, descriptor);
  };
  return {
    shaders,
    async take() {
      const rejected = (await Promise.all(rejections)).find((message) => message);
      const overLimit = exceeded;
      rejections = [];
      exceeded = undefined;
      return { rejected, overLimit };
    },
  };
}

/**
 * Has all devices say that kernels may bind any number of textures and buffers, so that those that
 * bind too many are compiled as well.
 *
 * @returns What gives the limits of a device as they are.
 */
function hideBindingLimits(): (device: GPUDevice) => GPUSupportedLimits {
  const limits = Object.getOwnPropertyDescriptor(GPUDevice.prototype, "limits")!;
  const hidden = ["maxStorageTexturesPerShaderStage", "maxStorageBuffersPerShaderStage"];
  const limitsOf = (device: GPUDevice): GPUSupportedLimits => limits.get!.call(device);
  Object.defineProperty(GPUDevice.prototype, "limits", {
    ...limits,
    get(this: GPUDevice) {
      return new Proxy(limitsOf(this), {
        get: (all, name) => hidden.includes(String(name)) ? Infinity : Reflect.get(all, name, all),
      });
    },
  });
  return limitsOf;
}

async function rejection(
  module: GPUShaderModule,
  { label, code }: GPUShaderModuleDescriptor,
): Promise<string | undefined> {
  const { messages } = await module.getCompilationInfo();
  const error = messages.find(({ type }) => type === "error");
  if (!error) return undefined;
  return `Tint rejects "${label}": ${error.message} in "${code.split("\n")[error.lineNum - 1]}"`;
}

/** Adapters differ in how many matrices and buffers a kernel may bind. */
function overLimit(
  limits: GPUSupportedLimits,
  { label, entries }: GPUBindGroupLayoutDescriptor,
): string | undefined {
  const all = [...entries];
  const textures = all.filter(({ storageTexture }) => storageTexture).length;
  const buffers = all.filter(({ buffer }) => buffer && buffer.type !== "uniform").length;
  const most = limits.maxStorageTexturesPerShaderStage;
  if (textures > most) {
    return `"${label}" binds ${textures} storage textures, at most ${most} can be`;
  }
  const mostBuffers = limits.maxStorageBuffersPerShaderStage;
  if (buffers > mostBuffers) {
    return `"${label}" binds ${buffers} storage buffers, at most ${mostBuffers} can be`;
  }
  return undefined;
}
