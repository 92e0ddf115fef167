import { join } from "node:path";
import { splitNames } from "../data/dataset.ts";
import { exists, guarded } from "../formats/files.ts";
import { isJsonObject, readJsonObject } from "../formats/json.ts";
import { SpindleError } from "../util.ts";
import { type LastUse, lastUse, useFile } from "./last_use.ts";
import { bytesOnDisk, isStoreName, manifestName } from "./store.ts";

/** A feature store as the disk holds it. */
export interface StoreSummary {
  readonly name: string;
  readonly folder: string;
  readonly bytes: number;
  /** Texts of all splits; undefined where the store's manifest is broken. */
  readonly texts: number | undefined;
  /** What it was last used for; undefined where the store does not tell. */
  readonly use: LastUse | undefined;
  /** When it was last used; where it does not tell, when it was begun. */
  readonly modified: Date | null;
}

/** Lists the feature stores in a folder, oldest first. */
export function listStores(parent: string): StoreSummary[] {
  if (!exists(parent)) return [];
  return guarded(`list the features in "${parent}"`, () =>
    [...Deno.readDirSync(parent)]
      .filter(({ name }) => isStoreName(name) && exists(join(parent, name, manifestName)))
      .map(({ name }) => summarise(parent, name))
      .sort((a, b) => Number(a.modified) - Number(b.modified)));
}

/**
 * Removes a feature store.
 *
 * @throws {SpindleError} If it holds anything else, which then is still there as the store is, or
 * the system refuses.
 */
export function removeStore({ folder }: Pick<StoreSummary, "folder">): void {
  guarded(`remove the features in "${folder}"`, () => {
    const other = [...Deno.readDirSync(folder)].find(({ name, isDirectory }) =>
      isDirectory || !isStoreFile(name)
    );
    if (other !== undefined) {
      throw new SpindleError(
        `Cannot remove the features in "${folder}" as no run wrote the "${other.name}" there: ` +
          "move it elsewhere first",
      );
    }
    Deno.removeSync(folder, { recursive: true });
  });
}

/** What systems put into folders that they show. */
const systemFiles = [".DS_Store", "Thumbs.db", "desktop.ini"];

/** The files of splits that runs write to stores, also while they are written. */
const splitFile = new RegExp(
  `^(${splitNames.join("|")})\\.(progress\\.json|.+\\.safetensors(\\.partial)?)$`,
);

/** Whether runs write files of that name to stores, or a system. */
function isStoreFile(name: string): boolean {
  if (systemFiles.includes(name)) return true;
  const whole = name.replace(/\.\d+\.tmp$/, "");
  return whole === manifestName || whole === useFile || splitFile.test(whole);
}

function summarise(parent: string, name: string): StoreSummary {
  const folder = join(parent, name);
  const use = lastUse(folder);
  const files = [...Deno.readDirSync(folder)].map(({ name }) => join(folder, name));
  return {
    name,
    folder,
    bytes: files.reduce((sum, path) => sum + bytesOnDisk(path), 0),
    texts: countTexts(join(folder, manifestName)),
    use,
    modified: Deno.statSync(join(folder, use ? useFile : manifestName)).mtime,
  };
}

/** A store whose manifest is broken can still be listed, and removed. */
function countTexts(manifest: string): number | undefined {
  try {
    const { rows } = readJsonObject(manifest);
    if (!isJsonObject(rows)) return undefined;
    const counts = splitNames.map((split) => rows[split]);
    return counts.every(isCount) ? counts.reduce((sum, count) => sum + count, 0) : undefined;
  } catch {
    return undefined;
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
