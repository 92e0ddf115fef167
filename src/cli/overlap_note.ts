import type { Dataset } from "../data/dataset.ts";
import { note } from "./terminal.ts";

/** Says how many of the texts to choose by and to test on are also trained on, where some are. */
export function noteOverlap({ train, validation, test }: Dataset): void {
  const known = new Set(train.texts);
  const found = Object.entries({ validation, test }).map(([name, { texts }]) => ({
    count: texts.filter((text) => known.has(text)).length,
    of: `of the ${texts.length} ${name} texts`,
  })).filter(({ count }) => count > 0);
  if (found.length === 0) return;
  const what = found.map(({ count, of }) => `${count} ${of}`).join(" and ");
  note(`Also training texts: ${what}; expect lower scores on new texts`);
}
