import type { Dataset } from "../data/dataset.ts";
import { note } from "./terminal.ts";

/** Names the classes of which there is no text to test on, where macro-F1 leaves them out. */
export function noteAbsentClasses({ metric, classes, test }: Dataset): void {
  const present = new Set(test.labels);
  const absent = classes.filter((_, c) => !present.has(c));
  if (metric !== "macro-f1" || absent.length === 0) return;
  const names = absent.map((name) => JSON.stringify(name)).join(", ");
  note(`No test text is of ${names}: macro-F1 leaves out a class that is not predicted either`);
}
