import type { Dispatch } from "../../src/gpu/dispatch.ts";
import { Recorder } from "../../src/gpu/recorder.ts";

/** Notes what recorders are given, until it is disposed. */
export class DispatchLog implements Disposable {
  readonly dispatches: Dispatch[] = [];
  readonly #dispatch = Recorder.prototype.dispatch;

  constructor() {
    const { dispatches } = this;
    const original = this.#dispatch;
    Recorder.prototype.dispatch = function (dispatch) {
      dispatches.push(dispatch);
      original.call(this, dispatch);
    };
  }

  /** The operations that the kernels of that name, all where not given, say they take. */
  operations(name = ""): number {
    return this.dispatches.filter(({ label }) => label.startsWith(name))
      .reduce((sum, { operations = 0 }) => sum + operations, 0);
  }

  [Symbol.dispose](): void {
    Recorder.prototype.dispatch = this.#dispatch;
  }
}
