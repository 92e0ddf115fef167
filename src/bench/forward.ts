import { largestError } from "../measure/difference.ts";
import type { Capture, Model } from "../model/model.ts";
import type { StateId } from "../model/states.ts";
import { referenceStates } from "./forward_reference.ts";

/** What a forward pass is timed with: what the main job captures. */
const sites = ["hidden", "activation"] as const;
const pools = ["first", "max", "mean"] as const;

/** The largest error of pooled states that rounding explains after all blocks. */
export const forwardBound = 1e-4;

/** Sentences as token ids, with how many tokens they have. */
export interface Sentences {
  readonly ids: readonly number[][];
  readonly tokens: number;
}

/** Takes `count` of the sentences, evenly spread, and puts them in the order of their lengths. */
export function sampleSentences(all: readonly number[][], count: number): Sentences {
  const taken = Math.min(count, all.length);
  const ids = Array.from({ length: taken }, (_, i) => all[Math.floor(i * all.length / taken)]!)
    .sort((a, b) => a.length - b.length);
  return { ids, tokens: ids.reduce((sum, sentence) => sum + sentence.length, 0) };
}

/**
 * Takes sentences of about so many tokens in all, some of them more than once where they are few.
 */
export function sampleTokens(all: readonly number[][], tokens: number): Sentences {
  const known = sampleSentences(all, all.length);
  const times = Math.ceil(tokens / known.tokens);
  const repeated = Array.from({ length: times }, () => known.ids).flat();
  return sampleSentences(repeated, Math.round(repeated.length * tokens / (times * known.tokens)));
}

/** Runs the model with capture and pooling, from token ids to pooled states in host memory. */
export async function runForward(model: Model, { ids }: Sentences): Promise<Capture> {
  return await model.capture(ids, { sites, pools });
}

/** The operations of the linear layers and of attention, without those of norms and pooling. */
export function forwardFlops({ spec }: Model, { ids, tokens }: Sentences): number {
  const { width, ffnWidth } = spec;
  const pairs = ids.reduce((sum, sentence) => sum + sentence.length ** 2, 0);
  return spec.stacks.reduce(
    (sum, { blocks }) =>
      sum + blocks * (2 * tokens * (4 * width * width + 2 * width * ffnWidth) + 4 * pairs * width),
    0,
  );
}

/**
 * The largest error of what {@linkcode runForward} captured, against float64: of every state and
 * pool, but only of the first sentence, the one in the middle and the last.
 */
export function forwardError(model: Model, { ids }: Sentences, { states }: Capture): number {
  const checked = [...new Set([0, ids.length >> 1, ids.length - 1])];
  const expected = referenceStates(model.folder, checked.map((i) => ids[i]!));
  const errors = model.states(sites).flatMap(({ name, width }: StateId) =>
    pools.map((pool) => {
      const values = states.get(name)!.values[pool]!;
      const rows = checked.flatMap((i) => [...values.subarray(i * width, (i + 1) * width)]);
      return largestError(rows, expected.get(name)![pool]);
    })
  );
  return Math.max(...errors);
}
