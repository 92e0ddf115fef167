import type { Gpu } from "../gpu/device.ts";
import { createMatrix, type Matrix } from "../gpu/matrix.ts";
import { roundUp } from "../util.ts";
import { RotaryTables } from "./rotary_tables.ts";

/** Matrices grow by so many rows: batches differ a little in length. */
export const rowsAtOnce = 512;

/** Intermediate matrices by name, kept from one batch to the next and grown when needed. */
export class Workspace implements Disposable {
  readonly #matrices = new Map<string, Matrix>();

  readonly rotary: RotaryTables;

  constructor(readonly gpu: Gpu) {
    this.rotary = new RotaryTables(gpu);
  }

  /** A matrix of at least `rows` rows, whose content is undefined. */
  matrix(name: string, rows: number, cols: number): Matrix {
    const key = `${name} ${cols}`;
    let matrix = this.#matrices.get(key);
    if (!matrix || matrix.rows < rows) {
      matrix?.[Symbol.dispose]();
      this.#matrices.delete(key); // should there be no room for a larger one
      matrix = createMatrix(this.gpu, roundUp(rows, rowsAtOnce), cols, name);
      this.#matrices.set(key, matrix);
    }
    return matrix;
  }

  [Symbol.dispose](): void {
    for (const matrix of this.#matrices.values()) matrix[Symbol.dispose]();
    this.#matrices.clear();
    this.rotary[Symbol.dispose]();
  }
}
