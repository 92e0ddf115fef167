import type { Model } from "../src/model/model.ts";

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

/** Tells for each call with which a model encodes texts from now on how many turns were taken. */
export function turnsOfEncoding(model: Model, turns: Turns): number[] {
  const encode = model.encode.bind(model);
  const seen: number[] = [];
  model.encode = (texts) => {
    seen.push(turns.count);
    return encode(texts);
  };
  return seen;
}
