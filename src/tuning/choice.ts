import { type Problem, runOnce, type Variant } from "../bench/problem.ts";
import type { Gpu } from "../gpu/device.ts";

/** A variant must be this much faster than the default: noise is not to choose. */
const gain = 1.05;

/** How long a variant takes, in any unit that all share. */
export interface Timed {
  readonly name: string;
  readonly cost: number;
}

/** The fastest, or the default, which is the first, where none is clearly faster. */
export function chooseFastest([standard, ...others]: readonly Timed[]): string {
  const [best] = others.toSorted((a, b) => a.cost - b.cost);
  return best && best.cost * gain < standard!.cost ? best.name : standard!.name;
}

/**
 * The variants whose result is that of the default to the last bit and has a number everywhere, so
 * that what is chosen by timing changes no result.
 */
export async function equalVariants(gpu: Gpu, { variants }: Problem): Promise<Variant[]> {
  const equal: Variant[] = [];
  let expected: Float32Array | undefined;
  for (const variant of variants) {
    const actual = await runOnce(gpu, variant);
    expected ??= actual;
    if (actual.every(Number.isFinite) && haveSameBits(actual, expected)) equal.push(variant);
  }
  return equal;
}

function haveSameBits(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((value, i) => Object.is(value, b[i]));
}
