/** How two lists of numbers differ. */
interface Difference {
  /** The largest difference; infinite where a number or an entry is missing. */
  readonly largest: number;
  /** 1, or the largest expected value. */
  readonly scale: number;
}

/** Compares numbers with those that are expected. */
export function differenceOf(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
): Difference {
  let scale = 1;
  let largest = actual.length === expected.length ? 0 : Infinity;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    // A comparison that NaN cannot pass: it must not look like a small difference.
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
    scale = Math.max(scale, Math.abs(expected[i]!));
  }
  return { largest, scale };
}

/** The largest difference of two lists, in units of `max(1, largest expected value)`. */
export function largestError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  const { largest, scale } = differenceOf(actual, expected);
  return largest / scale;
}
