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

/** A matrix as a kernel sees it. */
export interface MatrixOperand {
  name: string;
  matrix: Matrix;
  access: "read" | "write";
}

/** The matrices that a dispatch binds, in binding order. */
export function matrixOperands({ reads = {}, writes = {} }: Dispatch): MatrixOperand[] {
  return [
    ...Object.entries(reads).map(([name, matrix]) => ({ name, matrix, access: "read" as const })),
    ...Object.entries(writes).map(([name, matrix]) => ({ name, matrix, access: "write" as const })),
  ];
}

/** The caller's numbers and the sizes that the accessors of buffer matrices need. */
export function allUints(dispatch: Dispatch): Record<string, number> {
  const sizes: Record<string, number> = { ...dispatch.uints };
  for (const { name, matrix, access } of matrixOperands(dispatch)) {
    if (matrix.memory instanceof GPUTexture) continue;
    sizes[`${name}_stride`] = matrix.stride;
    if (access === "write") sizes[`${name}_texels`] = matrix.texels;
  }
  return sizes;
}

/** The values of `params`, in the order in which the kernel declares them. */
export function paramBytes(dispatch: Dispatch): Uint8Array<ArrayBuffer> {
  const uints = Object.values(allUints(dispatch));
  const floats = Object.values(dispatch.floats ?? {});
  const bytes = new ArrayBuffer(4 * (uints.length + floats.length));
  new Uint32Array(bytes, 0, uints.length).set(uints);
  new Float32Array(bytes, 4 * uints.length).set(floats);
  return new Uint8Array(bytes);
}
