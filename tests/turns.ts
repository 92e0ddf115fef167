/** Counts how often other work gets its turn, until it is disposed. */
export class Turns implements Disposable {
  count = 0;
  #next = setImmediate(() => this.#take());

  #take(): void {
    this.count++;
    this.#next = setImmediate(() => this.#take());
  }

  [Symbol.dispose](): void {
    clearImmediate(this.#next);
  }
}
