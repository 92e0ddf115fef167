import type { Gpu } from "../gpu/device.ts";
import { createMatrix, type Matrix, readMatrix, uploadMatrix } from "../gpu/matrix.ts";
import { createStorage, readStorage, type StorageBuffer } from "../gpu/memory.ts";
import { Recorder } from "../gpu/recorder.ts";
import { logisticColumns } from "../ops/logistic_columns.ts";
import { descentStep, powerStart, powerStep } from "../ops/logistic_descent.ts";
import { logisticGradient } from "../ops/logistic_gradient.ts";
import { logisticMargins } from "../ops/logistic_margins.ts";
import { logisticPoint } from "../ops/logistic_points.ts";
import {
  type DualPoint,
  type FitState,
  logisticResidual,
  logisticSums,
  type RowBlock,
  rowsPerChunk,
  type StateField,
  stateFields,
  updateState,
} from "../ops/logistic_rows.ts";
import { type ColumnTiles, createColumnTiles, tileWidth } from "../ops/logistic_tiles.ts";
import { roundUp } from "../util.ts";
import type { Design, DesignBlock } from "./design.ts";

/** One regression of a batch: a class against the rest. */
export interface BatchFit {
  /** The weight of the absolute and of the squared coefficients, divided by C. */
  readonly l1: number;
  readonly l2: number;
  readonly target: number;
  /** Penalty weights of the design's columns; infinite for a column that the fit may not use. */
  readonly weights: Float32Array;
  /** Where to start, in scaled coordinates; zero where there are no coefficients. */
  readonly start: { readonly coef?: Float32Array; readonly intercept: number };
}

/** What a batch knows of its fits at a moment. */
export interface Snapshot {
  /** `[fits, cols]` in scaled coordinates. */
  readonly coef: Float32Array;
  readonly intercept: Float32Array;
  /** Objectives, divided by C. */
  readonly primal: Float32Array;
  readonly dual: Float32Array;
  /** `[rows, fits]` without the intercept. */
  readonly validation: Float32Array | undefined;
}

/** A penalty weight that no coefficient survives, small enough for its square to be finite. */
const excluded = 1e18;
const powerSteps = 20;
const interceptSteps = 2;

/** Fits that are solved together on one design, as they lie in GPU memory. */
export class Batch implements Disposable {
  readonly #owned = new DisposableStack();
  readonly #gpu: Gpu;
  readonly #tiles: ColumnTiles;
  readonly #fits: FitState;
  readonly #weight: Matrix;
  readonly #blocks: (Omit<RowBlock, "z" | "previous" | "next"> & { x: Matrix; ring: Matrix[] })[];
  readonly #validation: { x: Matrix; z: Matrix; rows: number }[];
  /** Coefficients: accepted, previous, and the one to write next; pairs are read and written in turn. */
  #v: Matrix[];
  readonly #y: Matrix;
  #g: Matrix[];
  #e: Matrix[];
  #u: Matrix[];

  constructor(
    readonly design: Design,
    readonly fits: readonly BatchFit[],
    validation: readonly DesignBlock[],
  ) {
    const gpu = this.#gpu = design.gram.gpu;
    const own = this.#owned;
    const cols = design.gram.cols;
    const count = fits.length;
    const matrix = (label: string) => own.use(createMatrix(gpu, count, cols, label));
    const width = tileWidth(gpu, count);
    this.#tiles = own.use(createColumnTiles(gpu, width, tileLists(fits, width, cols)));
    this.#fits = this.#createState(width);
    this.#weight = own.use(uploadMatrix(gpu, stack(fits, cols, penaltyWeights), count, cols));
    const start = stack(fits, cols, ({ start }) => start.coef);
    this.#v = [own.use(uploadMatrix(gpu, start, count, cols)), matrix("v"), matrix("v")];
    this.#y = matrix("y");
    this.#g = [matrix("g"), matrix("g")];
    this.#e = [matrix("e"), matrix("e")];
    this.#u = [matrix("u"), matrix("u")];
    this.#blocks = design.blocks.map(({ x, rows, firstRow }) => {
      const margins = () => own.use(createMatrix(gpu, rows, count, "margins"));
      return {
        x,
        rows,
        firstRow,
        residuals: margins(),
        ring: [margins(), margins(), margins()],
      };
    });
    this.#validation = validation.map(({ x, rows }) => ({
      x,
      rows,
      z: own.use(createMatrix(gpu, rows, count, "validation margins")),
    }));
    this.#begin();
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }

  /**
   * Submits steps of the outer method, `inner` descent steps on the model each, and a certificate.
   */
  advance(steps: number, inner: number): void {
    const recorder = new Recorder(this.#gpu);
    for (let step = 0; step < steps; step++) {
      this.#gradient(recorder, "residual");
      if (step === steps - 1) this.#dual(recorder, "residual");
      this.#descend(recorder, inner);
      if (step === steps - 1) {
        this.#gradient(recorder, "model");
        this.#dual(recorder, "model");
      }
      this.#accept(recorder);
      recorder.submit();
    }
    logisticColumns(recorder, "penalty", this.#columnOperands(), this.#tiles, this.#fits);
    for (const { x, z, rows } of this.#validation) {
      logisticMargins(recorder, x, this.#v[0]!, z, this.#tiles, rows);
    }
    recorder.submit();
  }

  /** Reads what the work submitted so far has reached. */
  async read(): Promise<Snapshot> {
    const [state, coef, ...validation] = await Promise.all([
      readStorage(this.#fits.state),
      readMatrix(this.#v[0]!),
      ...this.#validation.map(({ z }) => readMatrix(z)),
    ]);
    const fields = new Float32Array(state);
    const field = (name: StateField) => {
      const start = stateFields.indexOf(name) * 4 * this.#fits.fitTexels;
      return fields.subarray(start, start + this.fits.length);
    };
    const penalty = field("PENALTY");
    return {
      coef,
      intercept: field("INTERCEPT"),
      primal: field("LOSS").map((loss, i) => loss + penalty[i]!),
      dual: field("DUAL"),
      validation: validation.length > 0 ? concatenate(validation) : undefined,
    };
  }

  #createState(width: number): FitState {
    const gpu = this.#gpu;
    const fitTexels = roundUp(this.fits.length, width) / 4;
    const rowChunks = Math.ceil(this.design.rows / rowsPerChunk);
    const columnGroups = Math.ceil(this.#tiles.longest / gpu.lanes);
    const state = this.#owned.use(createStorage(gpu, stateFields.length * fitTexels * 16, "state"));
    const partials = this.#owned.use(
      createStorage(gpu, Math.max(4 * rowChunks, columnGroups) * fitTexels * 16, "partial sums"),
    );
    const targets = this.#owned.use(createStorage(gpu, fitTexels * 16, "targets"));
    targets.write(Uint32Array.from(this.fits, ({ target }) => target));
    state.write(initialState(this.fits, fitTexels));
    return { state, partials, targets, fitTexels };
  }

  /** Margins at the start and the largest eigenvalue of each fit's columns. */
  #begin(): void {
    const recorder = new Recorder(this.#gpu);
    const { gram } = this.design;
    const weight = this.#weight;
    for (let step = 0; step < powerSteps; step++) {
      const record = step === 0 ? powerStart : powerStep;
      const [e, eNext] = this.#e as [Matrix, Matrix];
      record(recorder, { gram, weight, e, eNext }, this.#tiles, this.#fits);
      this.#e = [eNext, e];
    }
    // The first step has no momentum, so the point before may be anything finite: zeros.
    for (const { x, ring, rows } of this.#blocks) {
      logisticMargins(recorder, x, this.#v[0]!, ring[0]!, this.#tiles, rows);
    }
    recorder.submit();
  }

  /** The gradient of the extrapolated point, or of the model's dual point, into `g`. */
  #gradient(recorder: Recorder, point: DualPoint): void {
    if (point === "residual") {
      const [v, previous] = this.#v as [Matrix, Matrix];
      logisticPoint(recorder, "extrapolate", v, previous, this.#y, this.#fits);
      for (let i = 0; i < interceptSteps; i++) this.#sum(recorder, "sums", "intercept");
    }
    this.#sum(recorder, "sums", "balance", point);
    this.#rows((block) => logisticResidual(recorder, block, this.design.labels, this.#fits, point));
    this.#product(recorder);
  }

  #product(recorder: Recorder): void {
    this.#blocks.forEach(({ x, residuals, rows }, i) => {
      const [sum, next] = this.#g as [Matrix, Matrix];
      logisticGradient(recorder, x, residuals, next, this.#tiles, rows, i > 0 ? sum : undefined);
      this.#g = [next, sum];
    });
  }

  #dual(recorder: Recorder, point: DualPoint): void {
    logisticColumns(recorder, "feasible", this.#columnOperands(), this.#tiles, this.#fits);
    this.#sum(recorder, "entropy", "dual", point);
  }

  /** Minimises the model about `y`; the new point and its margins become next. */
  #descend(recorder: Recorder, inner: number): void {
    const { gram } = this.design;
    const [y, g, weight] = [this.#y, this.#g[0]!, this.#weight];
    for (let step = 0; step < inner; step++) {
      const [e, eNext] = this.#e as [Matrix, Matrix];
      const [u, uNext] = this.#u as [Matrix, Matrix];
      descentStep(
        recorder,
        { gram, y, g, weight, e, u, eNext, uNext },
        this.#tiles,
        this.#fits,
        step === 0,
      );
      this.#e = [eNext, e];
      this.#u = [uNext, u];
    }
    const next = this.#v[2]!;
    logisticPoint(recorder, "accept", y, this.#u[0]!, next, this.#fits);
    for (const { x, ring, rows } of this.#blocks) {
      logisticMargins(recorder, x, next, ring[2]!, this.#tiles, rows);
    }
  }

  /** Learns from the step, solves the intercept at the new point and makes that the accepted one. */
  #accept(recorder: Recorder): void {
    this.#sum(recorder, "compare", "compared");
    for (let i = 0; i <= interceptSteps; i++) {
      this.#rows((block) =>
        logisticSums(recorder, "accept", block, this.design.labels, this.#fits)
      );
      updateState(recorder, "accepted", this.#fits, this.design.rows, i === interceptSteps);
    }
    this.#v = rotate(this.#v);
    for (const block of this.#blocks) block.ring = rotate(block.ring);
  }

  #sum(
    recorder: Recorder,
    pass: "sums" | "compare" | "entropy",
    conclusion: "intercept" | "balance" | "compared" | "dual",
    point: DualPoint = "residual",
  ): void {
    this.#rows((block) =>
      logisticSums(recorder, pass, block, this.design.labels, this.#fits, point)
    );
    updateState(recorder, conclusion, this.#fits, this.design.rows);
  }

  #rows(record: (block: RowBlock) => void): void {
    for (const { rows, firstRow, residuals, ring } of this.#blocks) {
      const [z, previous, next] = ring as [Matrix, Matrix, Matrix];
      record({ rows, firstRow, residuals, z, previous, next });
    }
  }

  #columnOperands() {
    return { v: this.#v[0]!, g: this.#g[0]!, weight: this.#weight };
  }
}

/** Accepted, previous, next: the next becomes accepted, the accepted previous. */
function rotate([accepted, previous, next]: Matrix[]): Matrix[] {
  return [next!, accepted!, previous!];
}

function initialState(fits: readonly BatchFit[], fitTexels: number): Float32Array<ArrayBuffer> {
  const state = new Float32Array(stateFields.length * 4 * fitTexels);
  const set = (name: StateField, value: (fit: BatchFit | undefined) => number) => {
    const start = stateFields.indexOf(name) * 4 * fitTexels;
    for (let i = 0; i < 4 * fitTexels; i++) state[start + i] = value(fits[i]);
  };
  set("INTERCEPT", (fit) => fit?.start.intercept ?? 0);
  set("CURVATURE", () => 1);
  set("LIPSCHITZ", () => 1);
  set("L1", (fit) => fit?.l1 ?? 1);
  set("L2", (fit) => fit?.l2 ?? 0);
  set("TIME", () => 1);
  set("DUAL", () => -3e38);
  return state;
}

/** For each tile the texels of columns that any of its fits may use. */
function tileLists(fits: readonly BatchFit[], width: number, cols: number): number[][] {
  const lists: number[][] = [];
  for (let first = 0; first < fits.length; first += width) {
    const used = new Set<number>();
    for (const { weights } of fits.slice(first, first + width)) {
      for (let j = 0; j < cols; j++) if (Number.isFinite(weights[j])) used.add(j >> 2);
    }
    if (used.size === 0) used.add(0);
    lists.push([...used].sort((a, b) => a - b));
  }
  return lists;
}

function penaltyWeights({ weights }: BatchFit): Float32Array {
  return weights.map((weight) => Number.isFinite(weight) ? weight : excluded);
}

function stack(
  fits: readonly BatchFit[],
  cols: number,
  row: (fit: BatchFit) => Float32Array | undefined,
): Float32Array {
  const all = new Float32Array(fits.length * cols);
  fits.forEach((fit, i) => {
    const values = row(fit);
    if (values) all.set(values, i * cols);
  });
  return all;
}

function concatenate(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
