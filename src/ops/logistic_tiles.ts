import type { Gpu } from "../gpu/device.ts";
import type { BufferOperand } from "../gpu/dispatch.ts";
import { type StorageBuffer, uploadStorage } from "../gpu/memory.ts";
import { range } from "../util.ts";
import { sharedLoads } from "./code.ts";

/** A tile of fits that stand side by side and use the same columns. */
export interface TileSpan {
  /** Where the tile's list of texels starts and ends in the buffer of lists. */
  readonly start: number;
  readonly end: number;
  /** The first row of the inverse that belongs to its columns. */
  readonly inverseRow: number;
  /** The row of its penalty weights. */
  readonly set: number;
}

/**
 * Which texels of four columns each tile of fits visits; what none of its fits may use is never
 * loaded.
 */
export interface ColumnTiles extends Disposable {
  /** Fits that a tile has room for, a multiple of four. */
  readonly width: number;
  /** Fits of the fullest tile: no more are multiplied. */
  readonly live: number;
  readonly count: number;
  /** Texels of the longest list. */
  readonly longest: number;
  /** Columns of all lists together. */
  readonly columns: number;
  /** A `TileSpan` a tile. */
  readonly spans: StorageBuffer;
  /** The lists, one after the other. */
  readonly texels: StorageBuffer;
  /**
   * Pieces of the tiles' lists, a workgroup each: the tile, the first texel and the tile's span.
   *
   * @param pieceTexels Texels of a piece.
   * @param part "upper": only pieces that reach the diagonal of a product of all columns with
   * themselves, or lie above it.
   */
  pieces(pieceTexels: number, part?: "all" | "upper"): Pieces;
}

/** What the workgroups of a dispatch do, one each. */
interface Pieces {
  readonly list: BufferOperand;
  readonly count: number;
}

/**
 * Software drivers give each thread one run of neighbouring workgroups. Uneven work is dealt to so
 * many hands, one after the other, that every run gets its share of the long and the short.
 */
const hands = 16;

/** Places tiles on lists of texels that stay with the caller. */
export function createColumnTiles(
  gpu: Gpu,
  width: number,
  live: number,
  tiles: readonly TileSpan[],
  texels: StorageBuffer,
): ColumnTiles {
  using onFailure = new DisposableStack();
  const numbers = Uint32Array.from(tiles.flatMap(spanNumbers));
  const spans = onFailure.use(uploadStorage(gpu, numbers, "column spans"));
  const owned = onFailure.move();
  const known = new Map<string, Pieces>();
  const lengths = tiles.map(({ start, end }) => end - start);
  return {
    width,
    live,
    count: tiles.length,
    longest: Math.max(...lengths),
    columns: 4 * lengths.reduce((sum, length) => sum + length, 0),
    spans,
    texels,
    pieces(pieceTexels, part = "all") {
      const key = `${pieceTexels} ${part}`;
      if (!known.has(key)) known.set(key, listPieces(owned, gpu, width, tiles, pieceTexels, part));
      return known.get(key)!;
    },
    [Symbol.dispose]: () => owned.dispose(),
  };
}

function spanNumbers({ start, end, inverseRow, set }: TileSpan): number[] {
  return [start, end, inverseRow, set];
}

function listPieces(
  owned: DisposableStack,
  gpu: Gpu,
  width: number,
  tiles: readonly TileSpan[],
  pieceTexels: number,
  part: "all" | "upper",
): Pieces {
  const all = tiles.flatMap(({ start, end }, tile) =>
    range(Math.ceil((end - start) / pieceTexels)).map((piece) => [tile, piece * pieceTexels])
      .filter(([, first]) => part === "all" || first! + pieceTexels > tile * width / 4)
  );
  const dealt = range(hands).flatMap((hand) => all.filter((_, i) => i % hands === hand));
  const numbers = Uint32Array.from(dealt.flatMap(([tile, first]) => [
    ...[tile!, first!, 0, 0],
    ...spanNumbers(tiles[tile!]!),
  ]));
  const storage = owned.use(uploadStorage(gpu, numbers, "pieces"));
  return { list: { storage, type: "array<vec4u>", access: "read" }, count: dealt.length };
}

/** Tiles of fits that all use every column. */
export function createWholeTiles(
  owned: DisposableStack,
  gpu: Gpu,
  width: number,
  fits: number,
  columnTexels: number,
): ColumnTiles {
  const all = Uint32Array.from(range(columnTexels));
  const texels = owned.use(uploadStorage(gpu, all, "column texels"));
  const tile = { start: 0, end: columnTexels, inverseRow: 0, set: 0 };
  const tiles = range(Math.ceil(fits / width)).map(() => tile);
  return owned.use(createColumnTiles(gpu, width, Math.min(width, fits), tiles, texels));
}

/** The lists as a kernel binds them. */
export function tileBuffers(tiles: ColumnTiles): Record<"spans" | "texels", BufferOperand> {
  return {
    spans: { storage: tiles.spans, type: "array<vec4u>", access: "read" },
    texels: columnTexels(tiles),
  };
}

/** The lists of texels, for kernels whose pieces tell the spans. */
export function columnTexels({ texels }: ColumnTiles): BufferOperand {
  return { storage: texels, type: "array<u32>", access: "read" };
}

/**
 * WGSL that brings a texel of each fit of a tile to every lane: a lane loads one, and hands it to
 * the others where it can.
 *
 * @param name What the texel of the tile's fit `n` is called.
 * @param load The texel of a fit.
 */
export function fitLoads(
  gpu: Gpu,
  { live }: ColumnTiles,
  name: (n: number) => string,
  load: (fit: string) => string,
): string {
  return sharedLoads(gpu, live, name, (n) => load(`fit + ${n}`));
}
