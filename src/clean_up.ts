const registered = new Set<() => void>();

/**
 * Registers what must be undone when the program is ended early, by Ctrl-C or a closed pipe.
 *
 * @param undo Called at most once; it cannot wait for anything.
 * @returns Dispose it when there is nothing left to undo.
 */
export function registerCleanUp(undo: () => void): Disposable {
  registered.add(undo);
  return { [Symbol.dispose]: () => void registered.delete(undo) };
}

/** Undoes what is registered, the newest first. */
export function cleanUp(): void {
  for (const undo of [...registered].reverse()) {
    registered.delete(undo);
    try {
      undo();
    } catch {
      // The program ends anyway, and the others still have to run.
    }
  }
}
