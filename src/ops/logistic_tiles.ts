import type { Gpu } from "../gpu/device.ts";
import type { BufferOperand } from "../gpu/kernel.ts";
import { createStorage, type StorageBuffer } from "../gpu/memory.ts";

/**
 * Which columns each tile of fits visits: fits that stand side by side share the loads of the
 * columns, and a texel of four columns that none of a tile's fits may use is never loaded.
 */
export interface ColumnTiles extends Disposable {
  /** Fits of a tile. */
  readonly width: number;
  readonly count: number;
  /** Texels of the longest list. */
  readonly longest: number;
  /** Texels of all lists together. */
  readonly total: number;
  /** For each tile where its list starts and ends in `texels`. */
  readonly spans: StorageBuffer;
  /** The lists, one after the other. */
  readonly texels: StorageBuffer;
}

/** How many fits share a tile: wide tiles reuse more, narrow ones waste less on few fits. */
export function tileWidth(gpu: Gpu, fits: number): number {
  return gpu.adapter.software && fits > 8 ? 16 : 8;
}

/** Uploads the lists of texels of all tiles. */
export function createColumnTiles(
  gpu: Gpu,
  width: number,
  lists: readonly (readonly number[])[],
): ColumnTiles {
  const total = lists.reduce((sum, list) => sum + list.length, 0);
  const spans = createStorage(gpu, lists.length * 8, "column spans");
  const texels = createStorage(gpu, total * 4, "column texels");
  let start = 0;
  spans.write(Uint32Array.from(lists.flatMap((list) => [start, start += list.length])));
  texels.write(Uint32Array.from(lists.flat()));
  return {
    width,
    count: lists.length,
    longest: Math.max(...lists.map((list) => list.length)),
    total,
    spans,
    texels,
    [Symbol.dispose]: () => {
      spans[Symbol.dispose]();
      texels[Symbol.dispose]();
    },
  };
}

/** The lists as a kernel binds them. */
export function tileBuffers({ spans, texels }: ColumnTiles): Record<string, BufferOperand> {
  return {
    spans: { storage: spans, type: "array<vec2u>", access: "read" },
    texels: { storage: texels, type: "array<u32>", access: "read" },
  };
}

/** The integers below `n`. */
export function range(n: number): number[] {
  return [...Array(n).keys()];
}

/** `line` for every integer below `n`, joined. */
export function unroll(n: number, line: (i: number) => string): string {
  return range(n).map(line).join("\n");
}
