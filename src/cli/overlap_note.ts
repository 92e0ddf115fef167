import type { Dataset, Split } from "../data/dataset.ts";
import { note } from "./terminal.ts";

/**
 * Says how many of the texts to choose by and to test on are also trained on, and how many of those
 * to test on are also chosen by, where some are.
 */
export function noteOverlap({ train, validation, test }: Dataset): void {
  noteKnown("training", train, { validation, test });
  noteKnown("validation", validation, { test });
}

function noteKnown(
  what: string,
  { texts }: Split,
  others: Readonly<Record<string, Split>>,
): void {
  const known = new Set(texts);
  const found = Object.entries(others).map(([name, { texts }]) => ({
    count: texts.filter((text) => known.has(text)).length,
    of: `of the ${texts.length} ${name} texts`,
  })).filter(({ count }) => count > 0);
  if (found.length === 0) return;
  const counts = found.map(({ count, of }) => `${count} ${of}`).join(" and ");
  note(`Also ${what} texts: ${counts}; expect lower scores on new texts`);
}
