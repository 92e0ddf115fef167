import { EmptyTextError } from "../spin/read_neurons.ts";

/**
 * Answers texts, where one has no tokens those before it.
 *
 * @throws {EmptyTextError} That there is such a text, once the others are answered.
 */
export async function answerInOrder(
  texts: readonly string[],
  answer: (texts: readonly string[]) => Promise<void>,
): Promise<void> {
  try {
    await answer(texts);
  } catch (error) {
    if (error instanceof EmptyTextError) await answer(texts.slice(0, error.index));
    throw error;
  }
}
