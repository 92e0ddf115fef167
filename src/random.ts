/** Random numbers in [0, 1). */
export type Random = () => number;

/**
 * Makes a generator of pseudo-random numbers (mulberry32): the same seed gives the same numbers
 * everywhere.
 *
 * @param seed A whole number below 2^32.
 * @returns A function that gives the next number.
 */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
