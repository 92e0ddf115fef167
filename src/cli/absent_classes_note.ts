import type { Dataset } from "../data/dataset.ts";
import { note } from "./terminal.ts";

/** Names the classes of which there is no text to choose by, or to test on. */
export function noteAbsentClasses({ metric, classes, validation, test }: Dataset): void {
  for (const [name, { labels }] of Object.entries({ validation, test })) {
    const present = new Set(labels);
    const absent = classes.filter((_, c) => !present.has(c));
    if (absent.length === 0) continue;
    const names = absent.map((name) => JSON.stringify(name)).join(", ");
    const what = metric === "macro-f1"
      ? "macro-F1 leaves out a class that is not predicted either"
      : "its score tells nothing of them";
    note(`No ${name} text is of ${names}: ${what}`);
  }
}
