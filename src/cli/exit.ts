const cleanUps = new Set<() => void>();

/**
 * Registers what must be undone when the program ends early, by Ctrl-C or a closed pipe.
 *
 * @param cleanUp Called at most once; it cannot wait for anything.
 * @returns Dispose it when there is nothing left to undo.
 */
export function onEarlyExit(cleanUp: () => void): Disposable {
  cleanUps.add(cleanUp);
  return { [Symbol.dispose]: () => void cleanUps.delete(cleanUp) };
}

/** Ends the program at once, after the registered clean-ups. */
export function exit(code: number): never {
  for (const cleanUp of [...cleanUps].reverse()) {
    cleanUps.delete(cleanUp);
    try {
      cleanUp();
    } catch {
      // The program ends anyway, and the other clean-ups still have to run.
    }
  }
  Deno.exit(code);
}

/** From now on Ctrl-C, or a request to end, runs the clean-ups and ends the program quietly. */
export function exitOnInterrupt(): void {
  Deno.addSignalListener("SIGINT", () => exit(130));
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", () => exit(143));
}
