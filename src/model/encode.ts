import { nextTurn } from "../util.ts";
import type { Model } from "./model.ts";
import type { Encoding } from "./tokenizer.ts";

/** Texts that are tokenized between turns for others. */
const textsAtOnce = 100;

/**
 * Turns texts into token ids as `Model.encode` does, and lets others have their turns meanwhile.
 *
 * @param signal Aborted, it ends the work with its reason as the error.
 * @throws {SpindleError} As `Model.encode` does.
 */
export async function encodeInTurns(
  model: Model,
  texts: readonly string[],
  signal?: AbortSignal,
): Promise<Encoding> {
  const encodings: Encoding[] = [];
  for (let start = 0; start < texts.length; start += textsAtOnce) {
    signal?.throwIfAborted();
    encodings.push(model.encode(texts.slice(start, start + textsAtOnce)));
    await nextTurn();
  }
  return {
    ids: encodings.flatMap(({ ids }) => ids),
    truncated: encodings.reduce((sum, { truncated }) => sum + truncated, 0),
  };
}
