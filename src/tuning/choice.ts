import type { Gpu } from "../gpu/device.ts";
import { Recorder } from "../gpu/recorder.ts";
import { type Problem, runOnce, type Variant } from "../measure/problem.ts";
import { attempt } from "../util.ts";

/** A variant must be this much faster than the default: noise is not to choose. */
const gain = 1.05;

/** How long a variant takes, in any unit that all share. */
interface Timed {
  readonly name: string;
  readonly cost: number;
}

/** The fastest, or the default, which is the first, where none is clearly faster. */
export function chooseFastest([standard, ...others]: readonly Timed[]): string {
  const [best] = others.toSorted((a, b) => a.cost - b.cost);
  return best && best.cost * gain < standard!.cost ? best.name : standard!.name;
}

/** The default, and the variants that the driver takes: it does not reject what they record. */
export async function takenVariants(
  gpu: Gpu,
  { variants: [standard, ...others] }: Pick<Problem, "variants">,
): Promise<Variant[]> {
  const taken = [standard!];
  for (const variant of others) if (await isTaken(gpu, variant)) taken.push(variant);
  return taken;
}

/**
 * The variants whose result is that of the default to the last bit and has a number everywhere, so
 * that what is chosen by timing changes no result. What the driver does not take is none of them.
 */
export async function equalVariants(
  gpu: Gpu,
  problem: Pick<Problem, "variants">,
): Promise<Variant[]> {
  const equal: Variant[] = [];
  let expected: Float32Array | undefined;
  for (const variant of await takenVariants(gpu, problem)) {
    const actual = await runOnce(gpu, variant);
    expected ??= actual;
    if (actual.every(Number.isFinite) && haveSameBits(actual, expected)) equal.push(variant);
  }
  return equal;
}

const errorKinds = ["validation", "internal", "out-of-memory"] as const;

async function isTaken(gpu: Gpu, { record }: Variant): Promise<boolean> {
  let isSubmitted = false;
  for (const kind of errorKinds) gpu.device.pushErrorScope(kind);
  // Others use the device, too: nothing is waited for before the scopes end.
  attempt(() => {
    using recorder = new Recorder(gpu);
    record(recorder);
    recorder.submit();
    isSubmitted = true;
  });
  const errors = await Promise.all(errorKinds.map(() => gpu.device.popErrorScope()));
  return isSubmitted && errors.every((error) => !error);
}

function haveSameBits(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((value, i) => Object.is(value, b[i]));
}
