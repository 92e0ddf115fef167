import { requireOneOf } from "../util.ts";

/** The element type of a matrix in GPU memory; sums are float32 either way. */
export type Precision = "f32" | "f16";

/** Every {@linkcode Precision}. */
export const precisions: readonly Precision[] = ["f32", "f16"];

/** Bytes of a texel: four columns of a row. */
export function texelBytes(precision: Precision): number {
  return precision === "f16" ? 8 : 16;
}

/**
 * The float type of the weights, float32 where nothing is said.
 *
 * @throws {SpindleError} If there is no such type.
 */
export function requirePrecision(weights: Precision = "f32"): Precision {
  return requireOneOf("weights of", weights, precisions);
}
