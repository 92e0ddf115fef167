import { fileURLToPath } from "node:url";
import { SpindleError } from "./util.ts";

/**
 * The path of a file or folder that comes with the project.
 *
 * @throws {SpindleError} Where the program was imported from a URL, as then it is not on this disk.
 */
export function bundledPath(name: `models/${string}` | `datasets/${string}`): string {
  const url = new URL(`../${name}`, import.meta.url);
  if (url.protocol === "file:") return fileURLToPath(url);
  throw new SpindleError(`Cannot read "${url}" from afar: download it and give its path instead`);
}
