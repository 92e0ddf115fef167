import type { Features } from "../features/store.ts";
import type { Gpu } from "../gpu/device.ts";
import { createMatrix, type Matrix, uploadMatrix } from "../gpu/matrix.ts";
import { uploadStorage } from "../gpu/memory.ts";
import { readMatrix } from "../gpu/read_matrix.ts";
import { Recorder } from "../gpu/recorder.ts";
import { elsewhere, gatherColumns } from "../ops/gather_columns.ts";
import { logisticGradient } from "../ops/logistic_gradient.ts";
import { range, roundUp } from "../util.ts";
import {
  blockRows,
  cutRows,
  defaultResidentBytes,
  type DesignBlock,
  residentBlock,
} from "./design.ts";
import { blockMargins, wholeTiles } from "./margins.ts";
import {
  featuresOf,
  measureScaling,
  type Scaling,
  selectScaling,
  uploadStandardized,
} from "./standardize.ts";

/** Some rows of some columns in GPU memory, centred and scaled. */
interface WideBlock {
  readonly x: Matrix;
  readonly firstRow: number;
  readonly firstCol: number;
}

/** Columns of a block; no device allows fewer in a texture. */
const blockCols = 8192;
/** Rows are read by so many bytes. */
const bytesAtOnce = 2 ** 26;

/** All rows, on more columns than one design holds. */
export class WideRows implements Disposable {
  readonly #owned: DisposableStack;
  /** Rows of a block: a power of two, so that each block lies within one of a design's. */
  readonly #step: number;
  readonly #resident: WideBlock[][] | undefined;
  readonly scaling: Scaling;

  /**
   * @param residentBytes At most how many bytes stay in GPU memory; more are made anew each time.
   */
  constructor(
    readonly gpu: Gpu,
    readonly features: Features,
    readonly residentBytes = defaultResidentBytes,
  ) {
    const { rows, cols } = features;
    let step = 1024;
    while (step > 16 && step * cols * 4 > bytesAtOnce) step /= 2;
    this.#step = step;
    const all = Uint32Array.from(range(cols));
    this.scaling = measureScaling(features, all, step);
    using onFailure = new DisposableStack();
    if (4 * rows * cols <= residentBytes) {
      this.#resident = [];
      for (let row = 0; row < rows; row += step) this.#resident.push(this.#upload(row, onFailure));
    }
    this.#owned = onFailure.move();
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }

  /** Submits a copy of some columns, in blocks of rows as a design has them. */
  gather(owned: DisposableStack, columns: Uint32Array): DesignBlock[] {
    const { gpu, features } = this;
    const strips = this.#resident;
    if (!strips) {
      return cutRows(
        owned,
        gpu,
        features,
        selectScaling(this.scaling, columns),
        this.residentBytes,
      );
    }
    const step = blockRows(gpu, columns.length);
    const blocks: DesignBlock[] = [];
    for (let firstRow = 0; firstRow < features.rows; firstRow += step) {
      const rows = Math.min(step, features.rows - firstRow);
      let gathered: Matrix | undefined;
      strips[0]!.forEach(({ firstCol }, i) => {
        const to = owned.use(createMatrix(gpu, rows, columns.length, "working set"));
        using lists = this.#places(columns, firstCol);
        using recorder = new Recorder(gpu);
        for (const strip of strips) {
          const { x, firstRow: first } = strip[i]!;
          if (first < firstRow || first >= firstRow + rows) continue;
          gatherColumns(recorder, x, to, lists, first - firstRow, gathered);
        }
        recorder.submit();
        gathered?.[Symbol.dispose]();
        gathered = to;
      });
      blocks.push(residentBlock(gathered!, firstRow));
    }
    return blocks;
  }

  /**
   * The gradient of every column in scaled coordinates.
   *
   * @param residuals `[rows, fits]`.
   * @returns `[fits, columns]`.
   */
  async gradient(residuals: Float32Array, fits: number): Promise<Float32Array> {
    const { gpu, features: { cols } } = this;
    using owned = new DisposableStack();
    const pairs = new Map<number, Matrix[]>();
    for await (const strip of this.#strips()) {
      using passing = new DisposableStack();
      const { firstRow, x: { rows } } = strip[0]!;
      const slice = residuals.subarray(firstRow * fits, (firstRow + rows) * fits);
      const r = passing.use(uploadMatrix(gpu, slice, rows, fits, "residuals"));
      using recorder = new Recorder(gpu);
      for (const { x, firstCol } of strip) {
        const make = () => owned.use(createMatrix(gpu, fits, x.cols, "gradient"));
        const [sum, next] = pairs.get(firstCol) ?? [make(), make()];
        const tiles = wholeTiles(passing, gpu, fits, x.cols);
        logisticGradient(recorder, x, r, next!, tiles, rows, firstRow > 0 ? sum : undefined);
        pairs.set(firstCol, [next!, sum!]);
      }
      recorder.submit();
    }
    const gradient = new Float32Array(fits * cols);
    await Promise.all([...pairs].map(async ([firstCol, [sum]]) => {
      const values = await readMatrix(sum!);
      for (let k = 0; k < fits; k++) {
        gradient.set(values.subarray(k * sum!.cols, (k + 1) * sum!.cols), k * cols + firstCol);
      }
    }));
    return gradient;
  }

  /**
   * Products of the rows and weights in scaled coordinates.
   *
   * @param weights `[fits, columns]`.
   * @returns `[rows, fits]`.
   */
  async margins(weights: Float32Array, fits: number): Promise<Float64Array> {
    const { features: { rows, cols } } = this;
    const parts: { firstRow: number; margins: Promise<Float32Array> }[] = [];
    for await (const strip of this.#strips()) {
      for (const { x, firstRow, firstCol } of strip) {
        const part = new Float32Array(fits * x.cols);
        for (let k = 0; k < fits; k++) {
          const start = k * cols + firstCol;
          part.set(weights.subarray(start, start + x.cols), k * x.cols);
        }
        const margins = blockMargins(this.gpu, residentBlock(x, firstRow), part, fits);
        margins.catch(() => {}); // it is awaited below, once all are underway
        parts.push({ firstRow, margins });
      }
    }
    const sums = new Float64Array(rows * fits);
    for (const { firstRow, margins } of parts) {
      (await margins).forEach((value, i) => sums[firstRow * fits + i]! += value);
    }
    return sums;
  }

  /** The rows from top to bottom, each time all blocks that stand side by side. */
  async *#strips(): AsyncGenerator<WideBlock[]> {
    if (this.#resident) return yield* this.#resident;
    for (let row = 0; row < this.features.rows; row += this.#step) {
      using owned = new DisposableStack();
      yield this.#upload(row, owned);
      // What waits in the queue holds its memory.
      await this.gpu.device.queue.onSubmittedWorkDone();
    }
  }

  #upload(firstRow: number, owned: DisposableStack): WideBlock[] {
    const { rows: allRows, cols, name } = this.features;
    const rows = Math.min(this.#step, allRows - firstRow);
    const data = this.features.read(firstRow, firstRow + rows);
    const strip: WideBlock[] = [];
    for (let firstCol = 0; firstCol < cols; firstCol += blockCols) {
      const columns = this.scaling.columns.subarray(firstCol, firstCol + blockCols);
      const x = owned.use(createMatrix(this.gpu, rows, columns.length, name ?? "features"));
      const part = selectScaling(this.scaling, columns);
      uploadStandardized(x, featuresOf(data, rows, name), 0, rows, part);
      strip.push({ x, firstRow, firstCol });
    }
    return strip;
  }

  /** Where the columns stand in the blocks that begin at `firstCol`. */
  #places(columns: Uint32Array, firstCol: number) {
    const places = new Uint32Array(roundUp(columns.length, 4)).fill(elsewhere);
    columns.forEach((column, i) => {
      if (column >= firstCol && column < firstCol + blockCols) places[i] = column - firstCol;
    });
    return uploadStorage(this.gpu, places, "places of columns");
  }
}
