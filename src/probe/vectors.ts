/** The sum of products. */
export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** Adds a multiple of `other` to `sum`. */
export function add(sum: Float64Array, other: Float64Array, share: number): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += share * other[i]!;
}

/** The sum of absolute values. */
export function sumOfSizes(vector: Float64Array): number {
  return vector.reduce((sum, value) => sum + Math.abs(value), 0);
}

/** The sum of weighted squares. */
export function sumOfSquares(vector: Float64Array, weights: Float64Array): number {
  return vector.reduce((sum, value, i) => sum + weights[i]! * value * value, 0);
}

/** A number moved towards zero, and no further: the proximal step of an absolute value. */
export function softThreshold(value: number, by: number): number {
  return Math.sign(value) * Math.max(0, Math.abs(value) - by);
}

/** How many numbers are not zero. */
export function countNonzeros(vector: Float32Array): number {
  return vector.reduce((count, value) => count + Number(value !== 0), 0);
}
