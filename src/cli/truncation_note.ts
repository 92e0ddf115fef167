import type { Model } from "../model/model.ts";
import { note } from "./terminal.ts";

/** Says how many texts were cut, where some were. */
export function noteTruncation(texts: number, { longestText }: Model): void {
  if (texts === 0) return;
  const what = texts === 1 ? "1 text lost its end" : `${texts} texts lost their ends`;
  note(`${what}: the model takes ${longestText} tokens of a text`);
}
