import { seededRandom } from "../random.ts";

/** Numbers from -1 to 1, the same for a seed. */
export function randomNumbers(length: number, seed = 1): Float32Array<ArrayBuffer> {
  const random = seededRandom(seed);
  return Float32Array.from({ length }, () => 2 * random() - 1);
}

/** The median of some numbers, and the least. */
export function summarize(values: readonly number[]): { median: number; best: number } {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, best: sorted[0]! };
}
