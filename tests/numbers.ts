import assert from "node:assert/strict";
import { largestError } from "../src/measure/difference.ts";

export { randomNumbers } from "../src/measure/numbers.ts";

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
