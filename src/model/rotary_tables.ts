import type { Gpu } from "../gpu/device.ts";
import { type Matrix, uploadMatrix } from "../gpu/matrix.ts";
import { roundUp } from "../util.ts";
import type { RotarySpec } from "./spec.ts";

/** Tables of cosines and sines on the GPU, made once and lengthened when needed. */
export class RotaryTables implements Disposable {
  readonly #tables = new Map<RotarySpec, Matrix>();

  constructor(readonly gpu: Gpu) {}

  /**
   * A table `[positions, 4 * texels]` of pairs (cosine, sine), a pair for two neighbouring
   * dimensions of a head; those that do not turn have (1, 0).
   */
  table(rotary: RotarySpec, texels: number, positions: number): Matrix {
    let table = this.#tables.get(rotary);
    if (!table || table.rows < positions) {
      table?.[Symbol.dispose]();
      this.#tables.delete(rotary); // should there be no room for a larger one
      const rows = roundUp(positions, 256);
      table = uploadMatrix(this.gpu, turns(rotary, texels, rows), rows, 4 * texels, "rotary table");
      this.#tables.set(rotary, table);
    }
    return table;
  }

  [Symbol.dispose](): void {
    for (const table of this.#tables.values()) table[Symbol.dispose]();
    this.#tables.clear();
  }
}

function turns({ frequencies, factor }: RotarySpec, texels: number, rows: number): Float32Array {
  const data = new Float32Array(rows * texels * 4);
  for (let position = 0; position < rows; position++) {
    for (let pair = 0; pair < 2 * texels; pair++) {
      const frequency = frequencies[pair];
      const angle = Math.fround(position * (frequency ?? 0));
      const at = 4 * texels * position + 2 * pair;
      data[at] = Math.cos(angle) * (frequency === undefined ? 1 : factor);
      data[at + 1] = Math.sin(angle) * factor;
    }
  }
  return data;
}
