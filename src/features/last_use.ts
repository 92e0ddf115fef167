import { join } from "node:path";
import { readJsonObject } from "../formats/json.ts";
import { replaceFile } from "../formats/replace.ts";
import { attempt } from "../util.ts";

/** The file that tells it; when it was written is when the store was last used. */
export const useFile = "last_use.json";

/** What the features of a store were last used for, for people to read: no part of its key. */
export interface LastUse {
  /** The folder of the model. */
  readonly model: string;
  /** Where the texts come from. */
  readonly source: string;
}

/** Remembers in a store's folder what it is used for, and thereby when; where that may be. */
export function rememberUse(folder: string, { model, source }: LastUse): void {
  attempt(() => replaceFile(join(folder, useFile), JSON.stringify({ model, source }) + "\n"));
}

/** What a store was last used for; undefined where nothing that can be read tells. */
export function lastUse(folder: string): LastUse | undefined {
  try {
    const { model, source } = readJsonObject(join(folder, useFile));
    return typeof model === "string" && typeof source === "string" ? { model, source } : undefined;
  } catch {
    return undefined;
  }
}
