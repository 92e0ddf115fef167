import type { Gpu } from "../gpu/device.ts";
import { tunedVariant } from "../gpu/tuning.ts";

/** How the work of attention is cut; the outputs are the same to the last bit. */
export interface AttentionVariant {
  /**
   * How keys and values reach the lanes. `broadcast`: each lane of a subgroup loads another key's
   * texel and hands it to the others. `each`: every lane loads every key itself.
   */
  readonly keys: "broadcast" | "each";
  /**
   * Groups of {@linkcode keysOfGroup} keys in flight: queries are loaded, and sums brought from
   * memory and back, once for all of them. More than a short sentence has would stand idle.
   */
  readonly groups: 1 | 2;
}

/** Keys that a running maximum is compared with at once. */
export const keysOfGroup = 8;

/** Short sentences and long ones want variants of their own. */
type SentenceLength = "short" | "long";

/** What {@linkcode attentionVariants} are for where the longest sentence has so many tokens. */
export function sentenceLength(longest: number): SentenceLength {
  return longest < 128 ? "short" : "long";
}

/** The variants that are worth timing, by name; the first is the default. */
export function attentionVariants(
  { adapter, subgroups, lanes }: Gpu,
  length: SentenceLength,
): ReadonlyMap<string, AttentionVariant> {
  const each = { keys: "each", groups: 1 } as const;
  const one = { keys: "broadcast", groups: 1 } as const;
  const two = { keys: "broadcast", groups: 2 } as const;
  const canBroadcast = subgroups && lanes >= keysOfGroup;
  const variants: AttentionVariant[] = !canBroadcast
    ? [each]
    : length === "long" && adapter.software
    ? [two, one]
    : [one, each];
  return new Map(variants.map((variant) => [nameOf(variant), variant]));
}

function nameOf({ keys, groups }: AttentionVariant): string {
  return `${keys} ${groups}x${keysOfGroup}`;
}

/** The variant that was the fastest on this adapter, or else the default. */
export function chooseVariant(gpu: Gpu, longest: number): AttentionVariant {
  const length = sentenceLength(longest);
  return tunedVariant(gpu, `attention ${length}`, attentionVariants(gpu, length));
}
