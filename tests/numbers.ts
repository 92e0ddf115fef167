import assert from "node:assert/strict";
import { seededRandom } from "../src/data/split.ts";

/** Numbers from -1 to 1, the same for a seed. */
export function randomNumbers(length: number, seed = 1): Float32Array<ArrayBuffer> {
  const random = seededRandom(seed);
  return Float32Array.from({ length }, () => 2 * random() - 1);
}

/** The largest difference of two lists, in units of `max(1, largest expected value)`. */
export function difference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  assert.equal(actual.length, expected.length);
  let largest = 1;
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const gap = Math.abs(actual[i]! - expected[i]!);
    if (!(gap <= worst)) worst = Number.isNaN(gap) ? Infinity : gap;
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return Number.isFinite(worst) ? worst / largest : Infinity;
}

/** Fails where {@linkcode difference} exceeds a bound. */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  bound: number,
  what: string,
): void {
  const found = difference(actual, expected);
  assert.ok(found <= bound, `${what}: the difference ${found} exceeds ${bound}`);
}
