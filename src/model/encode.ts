import { nextTurn } from "../util.ts";
import type { Model } from "./model.ts";
import type { Encoding } from "./tokenizer.ts";

/** Texts that are tokenized between turns for others. */
const textsAtOnce = 100;

/**
 * Turns texts into token ids as `Model.encode` does, and lets others have their turns meanwhile.
 *
 * @throws {SpindleError} As `Model.encode` does.
 */
export async function encodeInTurns(model: Model, texts: readonly string[]): Promise<Encoding> {
  const encodings: Encoding[] = [];
  for (let start = 0; start < texts.length; start += textsAtOnce) {
    encodings.push(model.encode(texts.slice(start, start + textsAtOnce)));
    await nextTurn();
  }
  return {
    ids: encodings.flatMap(({ ids }) => ids),
    truncated: encodings.reduce((sum, { truncated }) => sum + truncated, 0),
  };
}
