import type { Features } from "../features/store.ts";
import type { Regressions } from "./objective.ts";
import { eachRow } from "./standardize.ts";

/** All rows for one regression, multiplied in float64 on the host. */
export interface HostRows extends Regressions {
  readonly features: Features;
}

/** `x w + b` for weights of the features as they are. */
export function hostMargins(
  { features }: HostRows,
  coef: Float32Array,
  intercept: number,
): Float64Array {
  const margins = new Float64Array(features.rows);
  const used = Uint32Array.from([...coef.keys()].filter((j) => coef[j] !== 0));
  const weights = Float64Array.from(used, (j) => coef[j]!);
  eachRow(features, (values, from, row) => {
    let sum = intercept;
    for (let i = 0; i < used.length; i++) sum += weights[i]! * values[from + used[i]!]!;
    margins[row] = sum;
  });
  return margins;
}

/** Residuals times the centred and scaled columns. */
export function hostGradient(
  { features, scaling: { mean, deviation } }: HostRows,
  residuals: Float64Array,
): Float64Array {
  const sums = new Float64Array(features.cols);
  eachRow(features, (values, from, row) => {
    const residual = residuals[row]!;
    if (residual === 0) return;
    for (let j = 0; j < sums.length; j++) sums[j]! += residual * (values[from + j]! - mean[j]!);
  });
  return sums.map((sum, j) => deviation[j]! > 0 ? sum / deviation[j]! : 0);
}

/** Some columns, centred and scaled: a list of its rows for each. */
export function hostColumns(
  { features, scaling: { mean, deviation } }: HostRows,
  columns: Uint32Array,
): Float64Array[] {
  const gathered = Array.from(columns, () => new Float64Array(features.rows));
  eachRow(features, (values, from, row) =>
    gathered.forEach((column, i) => {
      const j = columns[i]!;
      column[row] = (values[from + j]! - mean[j]!) / deviation[j]!;
    }));
  return gathered;
}
