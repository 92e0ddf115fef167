import type { Gpu } from "../gpu/device.ts";
import { createMatrix, type Matrix, uploadMatrix } from "../gpu/matrix.ts";
import { Recorder } from "../gpu/recorder.ts";
import { logisticColumns } from "../ops/logistic_columns.ts";
import { descentStep } from "../ops/logistic_descent.ts";
import { logisticGradient } from "../ops/logistic_gradient.ts";
import type { Inverses } from "../ops/logistic_inverse.ts";
import { logisticMargins } from "../ops/logistic_margins.ts";
import { logisticPoints } from "../ops/logistic_points.ts";
import {
  type DualPoint,
  logisticResidual,
  logisticSums,
  logisticWeights,
  type RowBlock,
} from "../ops/logistic_rows.ts";
import { type FitState, updateState } from "../ops/logistic_state.ts";
import { type ColumnTiles, createColumnTiles } from "../ops/logistic_tiles.ts";
import { type BatchBlock, type BatchFit, createFitState, placeFits } from "./batch_layout.ts";
import { type Design, type DesignBlock, gramMatrix } from "./design.ts";
import { type FitSnapshot, Reached } from "./reached.ts";
import { type ColumnSets, invert } from "./sets.ts";

/** The share of its first step's squared length at which a descent on the model stops. */
const enough = 1e-6;

/**
 * A descent looks after so many rounds whether it may stop: the look takes a dispatch of its own.
 */
const roundsPerLook = 5;

/** Fits that are solved together on one design, as they lie in GPU memory. */
export class Batch implements Disposable {
  readonly #owned: DisposableStack;
  readonly #gpu: Gpu;
  readonly #tiles: ColumnTiles;
  readonly #fits: FitState;
  readonly #places: number[];
  readonly #blocks: BatchBlock[];
  readonly #validation: { record: DesignBlock["record"]; z: Matrix; rows: number }[];
  /** Coefficients: accepted, previous, and the one to write next. */
  #v: Matrix[];
  #reached: Reached | undefined;
  readonly #y: Matrix;
  /** Pairs are read and written in turn. */
  #g: Matrix[];
  /** Two iterates that descents alternate between, and where they begin. */
  readonly #iterates: readonly [Matrix, Matrix, Matrix];

  /** @param fits Those of a set stand together. */
  constructor(
    readonly design: Design,
    readonly sets: ColumnSets,
    readonly fits: readonly BatchFit[],
    validation: readonly DesignBlock[],
  ) {
    const gpu = this.#gpu = design.gram.gpu;
    using onFailure = new DisposableStack();
    const cols = design.gram.cols;
    const layout = placeFits(fits);
    this.#places = layout.places;
    const { width, live } = layout;
    const spans = layout.sets.map((set) => sets.spans[set]!);
    this.#tiles = onFailure.use(createColumnTiles(gpu, width, live, spans, sets.texels));
    this.#fits = createFitState(onFailure, design, this.#tiles, fits, layout.places);
    const count = width * spans.length;
    const matrix = (label: string) => onFailure.use(createMatrix(gpu, count, cols, label));
    const start = new Float32Array(count * cols);
    fits.forEach(({ start: { coef } }, i) => {
      if (coef) start.set(coef, layout.places[i]! * cols);
    });
    this.#v = [onFailure.use(uploadMatrix(gpu, start, count, cols)), matrix("v"), matrix("v")];
    this.#y = matrix("y");
    this.#g = [matrix("g"), matrix("g")];
    const iterate = () => onFailure.use(createMatrix(gpu, 2 * count, cols, "iterate"));
    this.#iterates = [iterate(), iterate(), iterate()];
    this.#blocks = design.blocks.map(({ record, rows, firstRow }) => {
      const margins = () => onFailure.use(createMatrix(gpu, rows, count, "margins"));
      return {
        record,
        rows,
        firstRow,
        residuals: margins(),
        weights: undefined,
        ring: [margins(), margins(), margins()],
      };
    });
    this.#validation = validation.map(({ record, rows }) => ({
      record,
      rows,
      z: onFailure.use(createMatrix(gpu, rows, count, "validation margins")),
    }));
    using recorder = new Recorder(gpu);
    // The first step has no momentum, so that there need be no point before.
    this.#margins(recorder, this.#v[0]!, 0);
    recorder.submit();
    this.#owned = onFailure.move();
  }

  [Symbol.dispose](): void {
    this.#reached?.[Symbol.dispose]();
    this.#owned.dispose();
  }

  /**
   * Submits steps of the outer method, `rounds` of descent on the model each, and a certificate.
   *
   * @param model The only fit's own; where not given, the one that its set shares.
   */
  advance(steps: number, rounds: number, model?: Inverses): void {
    using recorder = new Recorder(this.#gpu);
    for (let step = 0; step < steps; step++) {
      this.#gradient(recorder, "residual");
      if (step === steps - 1) this.#dual(recorder, "residual");
      this.#descend(recorder, rounds, model);
      if (step === steps - 1) {
        this.#gradient(recorder, "model");
        this.#dual(recorder, "model");
      }
      // What is told of a step is told of the last one.
      this.#accept(recorder, step === steps - 1);
    }
    logisticColumns(recorder, "penalty", this.#columnOperands(), this.#tiles, this.#fits);
    for (const { record, z, rows } of this.#validation) {
      record(recorder, (x) => logisticMargins(recorder, x, this.#v[0]!, z, this.#tiles, rows));
    }
    this.#reached?.[Symbol.dispose]();
    const margins = this.#validation.map(({ z }) => z);
    this.#reached = new Reached(recorder, this.#fits, this.#v[0]!, margins);
    recorder.submit();
  }

  /**
   * A model of the only fit, with the curvature that the loss has at each row where the fit stands:
   * dearer than the model that all fits share, and right where few rows matter.
   *
   * @param caution How many times more curvature the next step expects: above 1 it is shorter.
   */
  ownModel(caution: number): Inverses {
    using recorder = new Recorder(this.#gpu);
    const { labels, blocks, rows, gram } = this.design;
    for (const block of this.#blocks) {
      block.weights ??= this.#owned.use(
        createMatrix(this.#gpu, block.rows, block.residuals.cols, "row weights"),
      );
    }
    this.#rows((block) =>
      logisticWeights(recorder, block, block.weights!, labels, this.#fits, rows)
    );
    updateState(recorder, "refreshed", this.#fits, rows, caution);
    recorder.submit();
    const weights = this.#blocks.map((block) => block.weights!);
    using own = gramMatrix(this.#gpu, blocks, gram.cols, weights);
    this.#product(recorder, "weights");
    recorder.submit();
    return invert(this.sets, own, { sums: this.#g[0]!, total: rows / 4 });
  }

  /** Reads what the last advance has reached. */
  async read(): Promise<FitSnapshot[]> {
    return await this.#reached!.read(this.#places);
  }

  /** The gradient of the extrapolated point, or of the model's dual point, into `g`. */
  #gradient(recorder: Recorder, point: DualPoint): void {
    if (point === "residual") {
      const [v, previous] = this.#v as [Matrix, Matrix];
      this.#points(recorder, "extrapolate", { a: v, b: previous }, this.#y);
      this.#sum(recorder, "sums", "intercept");
    }
    this.#sum(recorder, "sums", "balance", point);
    this.#rows((block) => logisticResidual(recorder, block, this.design.labels, this.#fits, point));
    this.#product(recorder, "residuals");
  }

  /** The margins of a point, into a place of the ring of each block. */
  #margins(recorder: Recorder, v: Matrix, place: number): void {
    for (const { record, ring, rows } of this.#blocks) {
      record(recorder, (x) => logisticMargins(recorder, x, v, ring[place]!, this.#tiles, rows));
    }
  }

  /** Adds up rows times residuals, or row weights, into `g`. */
  #product(recorder: Recorder, factor: "residuals" | "weights"): void {
    this.#blocks.forEach((block, i) => {
      const [sum, next] = this.#g as [Matrix, Matrix];
      const before = i > 0 ? sum : undefined;
      block.record(
        recorder,
        (x) => logisticGradient(recorder, x, block[factor]!, next, this.#tiles, block.rows, before),
      );
      this.#g = [next, sum];
    });
  }

  #dual(recorder: Recorder, point: DualPoint): void {
    logisticColumns(recorder, "feasible", this.#columnOperands(), this.#tiles, this.#fits);
    this.#sum(recorder, "entropy", "dual", point);
  }

  /** Minimises the model about `y`; the new point and its margins become next. */
  #descend(recorder: Recorder, rounds: number, model?: Inverses): void {
    const { weight, ridge } = this.sets;
    const inverse = (model ?? this.sets.inverses).matrix;
    const [y, g] = [this.#y, this.#g[0]!];
    const [even, odd, first] = this.#iterates;
    this.#points(recorder, "begin", { a: y, b: g, even, odd }, first);
    for (let step = 0; step < rounds; step++) {
      const [from, next] = step % 2 === 0 ? [even, odd] : [odd, even];
      const iterate = step === 0 ? first : from;
      descentStep(
        recorder,
        { inverse, weight, y, g, iterate, next },
        this.#tiles,
        this.#fits,
        { ridge, step, enough, isLooked: step % roundsPerLook === 0 || step === rounds - 1 },
      );
    }
    const next = this.#v[2]!;
    this.#points(recorder, "accept", { a: even, b: odd }, next);
    this.#margins(recorder, next, 2);
    if (model) this.#sum(recorder, "drift", "shifted");
  }

  /**
   * Learns from the step, solves the intercept at the new point and makes that the accepted one.
   */
  #accept(recorder: Recorder, isTold: boolean): void {
    this.#sum(recorder, "compare", "compared");
    if (isTold) this.#sum(recorder, "loss", "loss");
    this.#v = rotate(this.#v);
    for (const block of this.#blocks) block.ring = rotate(block.ring);
  }

  #sum(
    recorder: Recorder,
    pass: "sums" | "drift" | "compare" | "loss" | "entropy",
    conclusion: "intercept" | "balance" | "shifted" | "compared" | "loss" | "dual",
    point: DualPoint = "residual",
  ): void {
    this.#rows((block) =>
      logisticSums(recorder, pass, block, this.design.labels, this.#fits, point)
    );
    updateState(recorder, conclusion, this.#fits, this.design.rows);
  }

  #rows(record: (block: RowBlock) => void): void {
    for (const block of this.#blocks) {
      const [z, previous, next] = block.ring as [Matrix, Matrix, Matrix];
      record({ ...block, z, previous, next });
    }
  }

  #points(
    recorder: Recorder,
    step: "extrapolate" | "begin" | "accept",
    reads: Record<"a" | "b", Matrix> & { even?: Matrix; odd?: Matrix },
    out: Matrix,
  ): void {
    const { weight, ridge } = this.sets;
    const all = { ...reads, weight };
    logisticPoints(recorder, step, all, out, this.#tiles, this.#fits, ridge);
  }

  #columnOperands() {
    return { v: this.#v[0]!, g: this.#g[0]!, weight: this.sets.weight };
  }
}

/** Accepted, previous, next: the next becomes accepted, the accepted previous. */
function rotate([accepted, previous, next]: Matrix[]): Matrix[] {
  return [next!, accepted!, previous!];
}
