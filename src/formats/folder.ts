import { dirname } from "node:path";
import { registerCleanUp } from "../clean_up.ts";
import { isGranted } from "../util.ts";
import { cannot, fileFailure, removeIfPresent } from "./files.ts";

/**
 * Makes a folder where there is none, and those above it.
 *
 * @returns Dispose it when the work on the folder is over: what was made and is empty then, as
 * after a failure, is removed again.
 * @throws {SpindleError} If it cannot be made.
 */
export function makeFolder(path: string): Disposable {
  const made: string[] = [];
  for (let at = path; isOpen(at) && !look(at) && !made.includes(at); at = dirname(at)) {
    made.push(at);
  }
  const removeMade = () => made.forEach(removeIfEmpty);
  using onFailure = new DisposableStack();
  onFailure.use(registerCleanUp(removeMade));
  onFailure.defer(removeMade);
  try {
    Deno.mkdirSync(path, { recursive: true });
  } catch (error) {
    throw cannot(`make the folder "${path}"`, error, reasonOf(error));
  }
  return onFailure.move();
}

/** Whether the program may look at a path, and remove it. */
function isOpen(path: string): boolean {
  return isGranted({ name: "read", path }) && isGranted({ name: "write", path });
}

/**
 * What lies at a path, a link itself; undefined where that is nothing or the system does not tell.
 */
function look(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch {
    return undefined;
  }
}

function removeIfEmpty(folder: string): void {
  // The system refuses to remove a folder that holds something.
  if (look(folder)?.isDirectory) removeIfPresent(folder);
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.AlreadyExists) {
    return "there is something else of that name: choose another one";
  }
  if (error instanceof Deno.errors.NotFound) {
    return "the system allows none there: choose another one";
  }
  return fileFailure(error);
}
