import { type Matrix, uploadMatrix } from "../gpu/matrix.ts";
import { type StorageBuffer, uploadStorage } from "../gpu/memory.ts";
import { type Drift, type Inverses, invertSets } from "../ops/logistic_inverse.ts";
import type { TileSpan } from "../ops/logistic_tiles.ts";
import type { Design } from "./design.ts";

/** Sets of columns of a design, each with its penalty weights and the inverse that steps use. */
export interface ColumnSets extends Disposable {
  /** One a set. */
  readonly spans: readonly TileSpan[];
  /** The lists of texels that the spans point into. */
  readonly texels: StorageBuffer;
  /** Penalty weights `[sets, cols]`; excluded columns have an enormous one. */
  readonly weight: Matrix;
  readonly inverses: Inverses;
  readonly ridge: number;
}

/** A penalty weight that no coefficient survives, small enough for its square to be finite. */
const excluded = 1e18;

/**
 * The ridge of the inverse as a share of the diagonal of the Gram matrix. Any value is right; with
 * this one the steps on a model settle in 20 to 50 rounds over all C from 0.1 to 100.
 */
const ridgeShare = 0.3;

/**
 * Prepares sets of columns.
 *
 * @param weights For each set the penalty weights of all columns of the design; infinite where a
 * column does not belong to it.
 */
export function createColumnSets(
  design: Design,
  weights: readonly Float32Array[],
  share = ridgeShare,
): ColumnSets {
  using onFailure = new DisposableStack();
  const { gram, rows } = design;
  const { gpu, cols } = gram;
  const lists = weights.map((each) => usedTexels(each));
  const stacked = new Float32Array(weights.length * cols);
  weights.forEach((each, set) =>
    stacked.set(each.map((value) => Number.isFinite(value) ? value : excluded), set * cols)
  );
  const weight = onFailure.use(uploadMatrix(gpu, stacked, weights.length, cols, "penalty weights"));
  const texels = onFailure.use(
    uploadStorage(gpu, Uint32Array.from(lists.flat()), "column texels"),
  );
  let end = 0;
  const spans = lists.map((list) => ({ start: end, end: end += list.length }));
  const ridge = share * rows / 4;
  const shared = { spans: spans.map((span, set) => ({ ...span, set })), texels, weight, ridge };
  const inverses = onFailure.use(invert(shared, gram));
  const owned = onFailure.move();
  return {
    ...shared,
    spans: shared.spans.map((span) => ({ ...span, inverseRow: inverses.firstRow[span.set]! })),
    inverses,
    [Symbol.dispose]: () => owned.dispose(),
  };
}

/** Submits the inverses of some sets for a Gram matrix, less what `drift` takes from it. */
export function invert(
  { spans, texels, weight, ridge }:
    & Pick<ColumnSets, "texels" | "weight" | "ridge">
    & { spans: readonly Omit<TileSpan, "inverseRow">[] },
  gram: Matrix,
  drift?: Drift,
): Inverses {
  const lists = spans.map(({ start, end, set }) => ({ start, end, weightRow: set }));
  return invertSets(gram.gpu, gram, weight, texels, lists, ridge, drift);
}

/** Texels of four columns of which some is used; one at least. */
function usedTexels(weights: Float32Array): number[] {
  const used = new Set<number>();
  weights.forEach((weight, column) => {
    if (Number.isFinite(weight)) used.add(column >> 2);
  });
  return used.size > 0 ? [...used] : [0];
}
