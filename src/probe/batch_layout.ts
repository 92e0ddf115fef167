import type { Matrix } from "../gpu/matrix.ts";
import { createStorage, uploadStorage } from "../gpu/memory.ts";
import type { RowBlock } from "../ops/logistic_rows.ts";
import {
  type FitState,
  rowsPerChunk,
  type StateField,
  stateFields,
  sumsPerChunk,
} from "../ops/logistic_state.ts";
import type { ColumnTiles } from "../ops/logistic_tiles.ts";
import { roundUp } from "../util.ts";
import type { Design, DesignBlock } from "./design.ts";

/** One regression of a batch: a class against the rest. */
export interface BatchFit {
  /** Which of the column sets it uses. */
  readonly set: number;
  /** The weight of the absolute and of the squared coefficients, divided by C. */
  readonly l1: number;
  readonly l2: number;
  readonly target: number;
  /** Where to start, in scaled coordinates; zero where there are no coefficients. */
  readonly start: { readonly coef?: Float32Array; readonly intercept: number };
}

/** A block of rows with its margins: accepted, previous, and the ones to write next. */
export type BatchBlock = Omit<RowBlock, "z" | "previous" | "next"> & {
  readonly record: DesignBlock["record"];
  ring: Matrix[];
  weights: Matrix | undefined;
};

/** Gives each set whole tiles, wide enough for its fits; fits are multiplied a tile at a time. */
export function placeFits(fits: readonly BatchFit[]) {
  const members = Map.groupBy(fits.keys(), (i) => fits[i]!.set);
  const most = Math.max(...[...members.values()].map((each) => each.length));
  const width = most > 8 ? 16 : roundUp(most, 4);
  const places = new Array<number>(fits.length);
  const sets: number[] = [];
  for (const [set, each] of members) {
    each.forEach((fit, i) => places[fit] = width * sets.length + i);
    for (let first = 0; first < each.length; first += width) sets.push(set);
  }
  return { width, live: Math.min(width, most), places, sets };
}

/** What the steps keep of each fit. */
export function createFitState(
  owned: DisposableStack,
  { rows, gram: { gpu } }: Design,
  { width, count, longest }: ColumnTiles,
  fits: readonly BatchFit[],
  places: readonly number[],
): FitState {
  const fitTexels = width * count / 4;
  const rowChunks = Math.ceil(rows / rowsPerChunk);
  const sums = Math.max(sumsPerChunk * rowChunks, Math.ceil(longest / gpu.lanes));
  const placed: (BatchFit | undefined)[] = new Array(4 * fitTexels).fill(undefined);
  places.forEach((place, i) => placed[place] = fits[i]);
  const targets = Uint32Array.from(placed, (fit) => fit?.target ?? 0);
  return {
    state: owned.use(uploadStorage(gpu, initialState(placed), "state")),
    targets: owned.use(uploadStorage(gpu, targets, "targets")),
    fitTexels,
    partials: owned.use(createStorage(gpu, 16 * sums * fitTexels, "partial sums")),
  };
}

function initialState(placed: readonly (BatchFit | undefined)[]): Float32Array<ArrayBuffer> {
  const state = new Float32Array(stateFields.length * placed.length);
  const set = (name: StateField, value: (fit: BatchFit | undefined) => number) => {
    const start = stateFields.indexOf(name) * placed.length;
    placed.forEach((fit, i) => state[start + i] = value(fit));
  };
  set("INTERCEPT", (fit) => fit?.start.intercept ?? 0);
  set("CURVATURE", () => 1);
  // A place without a fit is penalised out of existence.
  set("L1", (fit) => fit?.l1 ?? 1e15);
  set("L2", (fit) => fit?.l2 ?? 0);
  set("TIME", () => 1);
  set("DUAL", () => -3e38);
  return state;
}
