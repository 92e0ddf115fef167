import assert from "node:assert/strict";
import { largestError } from "../src/bench/problem.ts";

export { randomNumbers } from "../src/bench/numbers.ts";

/** Fails where the {@linkcode largestError} exceeds a bound. */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  bound: number,
  what: string,
): void {
  const found = largestError(actual, expected);
  assert.ok(found <= bound, `${what}: the difference ${found} exceeds ${bound}`);
}
