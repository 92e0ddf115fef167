import type { Features } from "../features/store.ts";
import type { Gpu } from "../gpu/device.ts";
import { mostRows } from "../gpu/matrix.ts";
import { mapOverlapping } from "../gpu/overlap.ts";
import { type ColumnOrder, orderColumns } from "./columns.ts";
import { blockRows, cutRows } from "./design.ts";
import type { Coefficients, Problem, ScoredCoefficients } from "./fit.ts";
import { blockMargins } from "./margins.ts";
import { measureOffsets, rememberRows } from "./standardize.ts";

/** Logits of a row that are computed at once; no device allows fewer rows in a texture. */
const logitsAtOnce = 8192;

type Weights = Coefficients | ScoredCoefficients;

/**
 * The logits of fitted classifiers.
 *
 * @param fits Classifiers on columns of these features, with equally many regressions each.
 * @returns For each classifier its logits `[rows, regressions]`.
 */
export async function decision(
  gpu: Gpu,
  source: Features,
  fits: readonly (Weights & { readonly problem: Pick<Problem, "columns"> })[],
): Promise<Float32Array[]> {
  const features = rememberRows(source);
  const { rows } = features;
  const perFit = fits[0]?.intercept.length ?? 0;
  const count = fits.length * perFit;
  if (count === 0) return [];
  const order = orderColumns(fits.map(({ problem }) => problem), features.cols);
  const cols = order.columns.length;
  const most = Math.min(logitsAtOnce, mostRows(gpu, cols));
  const height = Math.min(rows, blockRows(gpu, cols));
  if (fits.length > 1 && (count > most || height > mostRows(gpu, count))) {
    const half = Math.ceil(fits.length / 2);
    const first = await decision(gpu, features, fits.slice(0, half));
    return [...first, ...await decision(gpu, features, fits.slice(half))];
  }
  // Without what all rows share, large means take no digits from the products.
  const scaling = measureOffsets(features, order.columns);
  const { weights, shifts } = spread(fits, order, scaling.mean);
  using owned = new DisposableStack();
  const logits = fits.map(() => new Float32Array(rows * perFit));
  await mapOverlapping(cutRows(owned, gpu, features, scaling, 0), async (block) => {
    const margins = await blockMargins(gpu, block, weights, count);
    for (let row = 0; row < block.rows; row++) {
      for (let i = 0; i < count; i++) {
        logits[Math.floor(i / perFit)]![(block.firstRow + row) * perFit + i % perFit] =
          margins[row * count + i]! + shifts[i]!;
      }
    }
  });
  return logits;
}

/** Coefficients over the columns in their order, and intercepts for features less their offsets. */
function spread(
  fits: readonly Weights[],
  { columns, sets, setOf }: ColumnOrder,
  offsets: Float64Array,
): { weights: Float32Array; shifts: Float64Array } {
  const perFit = fits[0]!.intercept.length;
  const weights = new Float32Array(fits.length * perFit * columns.length);
  const shifts = new Float64Array(fits.length * perFit);
  fits.forEach(({ coef, intercept }, f) => {
    const places = sets[setOf[f]!]!;
    for (let k = 0; k < perFit; k++) {
      const row = f * perFit + k;
      shifts[row] = intercept[k]!;
      places.forEach((place, i) => {
        const weight = coef[k * places.length + i]!;
        weights[row * columns.length + place] = weight;
        shifts[row]! += weight * offsets[place]!;
      });
    }
  });
  return { weights, shifts };
}
