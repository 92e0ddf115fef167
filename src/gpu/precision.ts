/** The element type of a matrix in GPU memory; sums are float32 either way. */
export type Precision = "f32" | "f16";

/** Bytes of a texel: four columns of a row. */
export function texelBytes(precision: Precision): number {
  return precision === "f16" ? 8 : 16;
}
