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

/** Undoes what is registered, the newest first. */
export function cleanUp(): void {
  for (const undo of [...cleanUps].reverse()) {
    cleanUps.delete(undo);
    try {
      undo();
    } catch {
      // The program ends anyway, and the others still have to run.
    }
  }
}
