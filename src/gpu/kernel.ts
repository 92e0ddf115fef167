import { SpindleError } from "../util.ts";
import type { Gpu, Pipeline } from "./device.ts";
import type { Matrix } from "./matrix.ts";
import type { StorageBuffer } from "./memory.ts";

/** A storage buffer as a kernel sees it. */
export interface BufferOperand {
  readonly storage: StorageBuffer;
  /** The WGSL type, such as `array<vec4u>`. */
  readonly type: string;
  readonly access: "read" | "read_write";
  /** The bytes that the kernel sees; all where not given. The offset is a multiple of 256. */
  readonly offset?: number;
  readonly size?: number;
}

/**
 * One dispatch of a kernel, as plain data.
 *
 * The host puts in front of the WGSL code: the constants; `params`, a uniform with the `uints` and
 * `floats`; for each matrix `x` of `reads` a function `load_x(row, k) -> vec4f`; for each matrix
 * `y` of `writes` a procedure `store_y(row, k, value)` that drops what lies outside; and the
 * buffers under their names. A kernel so reads and writes textures and buffers alike.
 */
export interface Dispatch {
  readonly label: string;
  readonly code: string;
  readonly constants?: Readonly<Record<string, number>>;
  readonly reads?: Readonly<Record<string, Matrix>>;
  readonly writes?: Readonly<Record<string, Matrix>>;
  /** How many rows it writes, where it writes all texels of the first rows and nothing else. */
  readonly writtenRows?: number;
  readonly buffers?: Readonly<Record<string, BufferOperand>>;
  readonly uints?: Readonly<Record<string, number>>;
  readonly floats?: Readonly<Record<string, number>>;
  readonly workgroups: readonly [number, number?, number?];
  /** About how many floating-point operations it takes, where they can be many. */
  readonly operations?: number;
}

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
  const refuse = (count: number, what: string, most: number) => {
    if (count <= most) return;
    throw new SpindleError(
      `Cannot run the kernel "${label}" on ${adapter.description} as it takes ${count} ${what} and ` +
        `${most} are allowed there: use another adapter`,
    );
  };
  const textures = entries.filter(({ storageTexture }) => storageTexture).length;
  const buffers = entries.filter(({ buffer }) => buffer && buffer.type !== "uniform").length;
  refuse(textures, "storage textures", limits.maxStorageTexturesPerShaderStage);
  refuse(buffers, "storage buffers", limits.maxStorageBuffersPerShaderStage);
}

/** The values of `params`, in the order in which {@linkcode preamble} declares them. */
export function paramBytes(dispatch: Dispatch): Uint8Array<ArrayBuffer> {
  const uints = Object.values(allUints(dispatch));
  const floats = Object.values(dispatch.floats ?? {});
  const bytes = new ArrayBuffer(4 * (uints.length + floats.length));
  new Uint32Array(bytes, 0, uints.length).set(uints);
  new Float32Array(bytes, 4 * uints.length).set(floats);
  return new Uint8Array(bytes);
}

/** The resources that a dispatch binds, in binding order, without the uniform at binding 0. */
export function resources(dispatch: Dispatch): GPUBindingResource[] {
  return [
    ...matrices(dispatch).map(({ matrix }) =>
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

interface MatrixOperand {
  name: string;
  matrix: Matrix;
  access: "read" | "write";
}

function matrices({ reads = {}, writes = {} }: Dispatch): MatrixOperand[] {
  return [
    ...Object.entries(reads).map(([name, matrix]) => ({ name, matrix, access: "read" as const })),
    ...Object.entries(writes).map(([name, matrix]) => ({ name, matrix, access: "write" as const })),
  ];
}

/** The caller's numbers and the sizes that the accessors of buffer matrices need. */
function allUints(dispatch: Dispatch): Record<string, number> {
  const sizes: Record<string, number> = { ...dispatch.uints };
  for (const { name, matrix, access } of matrices(dispatch)) {
    if (matrix.memory instanceof GPUTexture) continue;
    sizes[`${name}_stride`] = matrix.stride;
    if (access === "write") sizes[`${name}_texels`] = matrix.texels;
  }
  return sizes;
}

function preamble(dispatch: Dispatch): string {
  const uints = Object.keys(allUints(dispatch)).map((name) => `${name}: u32,`);
  const floats = Object.keys(dispatch.floats ?? {}).map((name) => `${name}: f32,`);
  const fields = [...uints, ...floats];
  const constants = Object.entries(dispatch.constants ?? {}).map(([name, value]) =>
    `const ${name} = ${value}u;\n`
  );
  const operands = matrices(dispatch);
  const buffers = Object.entries(dispatch.buffers ?? {}).map(([name, { type, access }], i) =>
    `@group(0) @binding(${1 + operands.length + i}) var<storage, ${access}> ${name}: ${type};\n`
  );
  const params = fields.length
    ? `struct Params { ${fields.join(" ")} }\n` +
      "@group(0) @binding(0) var<uniform> uniforms: Params;\nvar<private> params: Params;\n"
    : "";
  return constants.join("") + params +
    operands.map((operand, i) => accessor(operand, i + 1)).join("") + buffers.join("");
}

/**
 * The code of a dispatch, whose entry point reads the uniform before anything else: Mesa's software
 * driver reads it lane by lane wherever it is named, in a loop each time. Functions see a private
 * copy, and the entry point a local one, for a private variable may differ between invocations and
 * so may not decide which of them come to a barrier.
 */
function readParamsOnce(dispatch: Dispatch): string {
  if (paramBytes(dispatch).length === 0) return dispatch.code;
  const copies = "params = uniforms;\n  let params = uniforms;";
  return dispatch.code.replace(/fn main\([^{]*\{/, (head) => `${head}\n  ${copies}`);
}

function accessor({ name, matrix, access }: MatrixOperand, binding: number): string {
  const at = `@group(0) @binding(${binding}) var`;
  const half = matrix.precision === "f16";
  if (matrix.memory instanceof GPUTexture) {
    const type = `texture_storage_2d<rgba${half ? 16 : 32}float, ${access}>`;
    return `${at} ${name}_texture: ${type};\n` +
      (access === "read"
        ? `fn load_${name}(row: u32, k: u32) -> vec4f { return textureLoad(${name}_texture, vec2u(row, k)); }\n`
        : `fn store_${name}(row: u32, k: u32, value: vec4f) { textureStore(${name}_texture, vec2u(row, k), value); }\n`);
  }
  const place = `${name}_buffer[k * params.${name}_stride + row]`;
  if (access === "read") {
    const type = half ? "array<vec2u>" : "array<vec4f>";
    const value = half ? "vec4f(unpack2x16float(v.x), unpack2x16float(v.y))" : "v";
    return `${at}<storage, read> ${name}_buffer: ${type};\n` +
      `fn load_${name}(row: u32, k: u32) -> vec4f { let v = ${place}; return ${value}; }\n`;
  }
  return `${at}<storage, read_write> ${name}_buffer: array<vec4f>;\n` +
    `fn store_${name}(row: u32, k: u32, value: vec4f) {\n` +
    `  if ((row < params.${name}_stride) & (k < params.${name}_texels)) { ${place} = value; }\n}\n`;
}

function layoutEntries(dispatch: Dispatch): GPUBindGroupLayoutEntry[] {
  const visibility = GPUShaderStage.COMPUTE;
  const entries: GPUBindGroupLayoutEntry[] = [];
  if (paramBytes(dispatch).length > 0) {
    entries.push({ binding: 0, visibility, buffer: { type: "uniform" } });
  }
  const operands = matrices(dispatch);
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
