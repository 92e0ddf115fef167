import type { Gpu } from "../gpu/device.ts";
import { tunedVariant } from "../gpu/tuning.ts";

/**
 * Outputs of an invocation whose workgroup's lanes run along the rows: `rows` rows, a workgroup's
 * width apart, and `cols` neighbouring columns. It loads its operands itself.
 */
export interface RegisterTile {
  readonly rows: number;
  readonly cols: number;
  /**
   * `broadcast`: each lane loads the texel of another column, and gives it to the others. It takes
   * a subgroup, and loads a lane-th of the texels. Otherwise how many texels are loaded ahead.
   */
  readonly weights: "broadcast" | number;
}

/**
 * Outputs of an invocation whose workgroup brings its operands through workgroup memory: `rows`
 * rows, `alongRows` apart, and `cols` neighbouring columns.
 */
export interface SharedTile {
  readonly rows: number;
  readonly cols: number;
  /** Invocations of a workgroup along the rows and along the columns. */
  readonly alongRows: number;
  readonly alongCols: number;
}

/** How the work of a linear layer is cut; the outputs are the same to the last bit. */
export type LinearTile = RegisterTile | SharedTile;

/** Sentences that run alone have few rows, batches have many; each wants tiles of its own. */
export type RowCount = "few" | "many";

/** What {@linkcode linearTiles} are for where there are this many rows. */
function rowCount({ lanes }: Gpu, rows: number): RowCount {
  return rows <= 4 * lanes ? "few" : "many";
}

/** The tile that was the fastest on this adapter, or else the default. */
export function chooseTile(gpu: Gpu, rows: number): LinearTile {
  const count = rowCount(gpu, rows);
  return fitTile(gpu, tunedVariant(gpu, `linear ${count}`, linearTiles(gpu, count)), rows);
}

/** A tile no taller than the rows need. */
export function fitTile({ lanes }: Gpu, tile: LinearTile, rows: number): LinearTile {
  if ("alongRows" in tile) return tile;
  const needed = 2 ** Math.ceil(Math.log2(Math.max(1, rows / lanes)));
  return { ...tile, rows: Math.min(tile.rows, needed) };
}

/** The tiles that are worth timing, by name; the first is the default. */
export function linearTiles(gpu: Gpu, count: RowCount): ReadonlyMap<string, LinearTile> {
  const tiles = gpu.adapter.software ? softwareTiles(gpu, count) : hardwareTiles(count);
  return new Map(tiles.map((tile) => [tileName(tile), tile]));
}

function tileName(tile: LinearTile): string {
  const size = `${tile.rows}x${tile.cols}`;
  if (!("alongRows" in tile)) return `${size} ${tile.weights}`;
  return `${size} shared ${tile.alongRows}x${tile.alongCols}`;
}

/**
 * Loads are dear and spilled registers cheap, so that large tiles win. There are few variants, for
 * a driver takes up to a second to compile one.
 */
function softwareTiles({ subgroups, lanes }: Gpu, count: RowCount): RegisterTile[] {
  const standard = count === "few" ? { rows: 4, cols: 16 } : { rows: 8, cols: 16 };
  const broad = { rows: 4, cols: 32 };
  // Two texels ahead, or all of them at once: drivers differ in which they schedule well.
  const ahead = [{ ...standard, weights: 2 }, { ...standard, weights: 15 }];
  if (!subgroups || standard.cols % lanes !== 0) return [...ahead, { ...broad, weights: 2 }];
  const broadcast = (size: { rows: number; cols: number }): RegisterTile => (
    { ...size, weights: "broadcast" }
  );
  const tiles = [standard, broad].map(broadcast);
  // Loads are dearer the more lanes they serve.
  if (lanes > 8) {
    return count === "few" ? tiles.reverse() : [broadcast({ rows: 8, cols: 32 }), ...tiles];
  }
  return count === "few" ? tiles : [...tiles, ahead[1]!];
}

/** Many small tiles keep a GPU busy; workgroup memory saves it traffic. */
function hardwareTiles(count: RowCount): LinearTile[] {
  if (count === "few") {
    return [
      { rows: 4, cols: 4, weights: 1 },
      { rows: 4, cols: 4, alongRows: 8, alongCols: 8 },
      { rows: 2, cols: 4, alongRows: 8, alongCols: 16 },
    ];
  }
  return [
    { rows: 4, cols: 8, weights: 1 },
    { rows: 4, cols: 4, alongRows: 16, alongCols: 16 },
    { rows: 8, cols: 8, alongRows: 8, alongCols: 8 },
    { rows: 8, cols: 4, alongRows: 16, alongCols: 16 },
  ];
}
