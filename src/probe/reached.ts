import type { Matrix } from "../gpu/matrix.ts";
import { copyMatrixBack } from "../gpu/read_matrix.ts";
import { copyStorageBack } from "../gpu/read_storage.ts";
import type { Pending } from "../gpu/readback.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { type FitState, type StateField, stateFields } from "../ops/logistic_state.ts";

/** What a batch knows of a fit at a moment. */
export interface FitSnapshot {
  /** `[cols]`, in scaled coordinates. */
  readonly coef: Float32Array;
  readonly intercept: number;
  /** Objectives, divided by C. */
  readonly primal: number;
  readonly dual: number;
  /** Margins of the validation rows, without the intercept. */
  readonly validation: Float32Array;
}

/** What the fits of a batch have reached, on its way to the host. */
export class Reached implements Disposable {
  readonly #owned = new DisposableStack();
  readonly #state: Pending<ArrayBuffer>;
  readonly #coef: Pending<Float32Array>;
  readonly #validation: Pending<Float32Array>[];
  readonly #stride: number;
  readonly #cols: number;

  /**
   * @param coef `[places, cols]`.
   * @param validation For each block of validation rows the margins `[rows, places]`.
   */
  constructor(recorder: Recorder, fits: FitState, coef: Matrix, validation: readonly Matrix[]) {
    this.#state = this.#owned.use(copyStorageBack(recorder, fits.state));
    this.#coef = this.#owned.use(copyMatrixBack(recorder, coef));
    this.#validation = validation.map((z) => this.#owned.use(copyMatrixBack(recorder, z)));
    this.#stride = 4 * fits.fitTexels;
    this.#cols = coef.cols;
  }

  /** Reads what fits at some places have reached, once the recorder has submitted. */
  async read(places: readonly number[]): Promise<FitSnapshot[]> {
    // Meanwhile others may prepare work: the call that waits for the GPU holds up the whole host.
    await new Promise((resolve) => setTimeout(resolve));
    const [state, coef, ...validation] = await Promise.all([
      this.#state.read(),
      this.#coef.read(),
      ...this.#validation.map((each) => each.read()),
    ]);
    const fields = new Float32Array(state);
    return places.map((place) => {
      const field = (name: StateField) => fields[stateFields.indexOf(name) * this.#stride + place]!;
      return {
        coef: coef.subarray(place * this.#cols, (place + 1) * this.#cols),
        intercept: field("INTERCEPT"),
        primal: field("LOSS") + field("PENALTY"),
        dual: field("DUAL"),
        validation: column(validation, place, this.#stride),
      };
    });
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}

/** One column of row-major matrices that stand one below the other. */
function column(
  parts: readonly Float32Array[],
  place: number,
  stride: number,
): Float32Array {
  const rows = parts.map((part) => part.length / stride);
  const values = new Float32Array(rows.reduce((sum, count) => sum + count, 0));
  let at = 0;
  for (const part of parts) {
    for (let i = place; i < part.length; i += stride) values[at++] = part[i]!;
  }
  return values;
}
