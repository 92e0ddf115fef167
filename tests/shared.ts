import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = new URL("../../shared/", import.meta.url);

/** The path of a file or folder of the development data that lies beside a checkout. */
export function sharedPath(name: string): string {
  return fileURLToPath(new URL(name, root));
}

/** Registers a test that needs development data; without them it is skipped, and says so. */
export function sharedTest(name: string, needs: string[], body: () => void | Promise<void>): void {
  const missing = needs.filter((path) => !existsSync(sharedPath(path)));
  const title = missing.length ? `${name} (skipped: no ../shared/${missing[0]})` : name;
  Deno.test({ name: title, ignore: missing.length > 0, fn: body });
}
