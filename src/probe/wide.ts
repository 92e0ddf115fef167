import type { Gpu } from "../gpu/device.ts";
import { createMatrix, readMatrix, uploadMatrix } from "../gpu/matrix.ts";
import { Recorder } from "../gpu/recorder.ts";
import { logisticGradient } from "../ops/logistic_gradient.ts";
import { createWholeTiles } from "../ops/logistic_tiles.ts";
import { decision } from "./decision.ts";
import { type ColumnOrder, orderColumns } from "./columns.ts";
import { blockRows, createDesign, type Design, type DesignBlock, uploadBlocks } from "./design.ts";
import type { Certificate, Fit, LabelledFeatures, Problem } from "./fit.ts";
import type { ClassStart } from "./run.ts";
import type { SolverOptions } from "./solve.ts";
import { measureScaling, type Scaling } from "./standardize.ts";

/** Fits problems on a design that holds their columns in the given order. */
export type NarrowSolver = (
  design: Design,
  order: ColumnOrder,
  starts: readonly ClassStart[],
  problems: readonly Problem[],
  options: SolverOptions,
) => Promise<Fit[]>;

/** Columns whose gradient is multiplied at a time. */
const blockCols = 2048;
/** Columns that join at once, beside as many as there are. */
const leastJoining = 256;
const maxRounds = 30;

/** Columns stay in GPU memory where all of them take no more bytes; else they are uploaded anew. */
const residentBytes = 2 ** 30;
/** How often the working set is solved more tightly before a gap is given up. */
const tightenings = 2;

/** The rows, and how all columns are scaled. */
interface WideRows extends LabelledFeatures {
  readonly scaling: Scaling;
  readonly targets: readonly number[];
  /** The blocks of columns that are in GPU memory, by their first column. */
  readonly resident: Map<number, DesignBlock[]>;
  readonly own: DisposableStack;
}

/**
 * Fits problems on more columns than one Gram matrix can hold, by working sets: a problem is solved
 * on some columns, then the gradient of all columns tells which others would help; they join, until
 * the duality gap over all columns is small. Each C begins with the columns of the one before.
 */
export async function fitWide(
  gpu: Gpu,
  train: LabelledFeatures,
  starts: readonly ClassStart[],
  problems: readonly Problem[],
  options: SolverOptions,
  narrow: NarrowSolver,
): Promise<Fit[]> {
  const { tolerance = 1e-3 } = options;
  const targets = starts.map(({ target }) => target);
  const solve = async (problem: Problem, tighter: number) => {
    const order = orderColumns([problem], train.features.cols);
    using design = createDesign(gpu, train.features, train.labels, order.columns);
    return await narrow(design, order, starts, [problem], { ...options, tolerance: tighter });
  };
  const { features } = train;
  const all = Uint32Array.from({ length: features.cols }, (_, column) => column);
  const scaling = measureScaling(features, all, blockRows(gpu, blockCols));
  using own = new DisposableStack();
  const rows = { ...train, scaling, targets, resident: new Map(), own };
  const order = [...problems.keys()].sort((a, b) => problems[a]!.C - problems[b]!.C);
  const fits = new Array<Fit>(problems.length);
  let working: Set<number> = new Set();
  for (const i of order) {
    const { fit, used } = await solveByWorkingSets(gpu, rows, problems[i]!, working, {
      tolerance,
      solve,
    });
    fits[i] = fit;
    working = used;
  }
  return fits;
}

async function solveByWorkingSets(
  gpu: Gpu,
  rows: WideRows,
  problem: Problem,
  before: ReadonlySet<number>,
  { tolerance, solve }: {
    tolerance: number;
    solve: (problem: Problem, tolerance: number) => Promise<Fit[]>;
  },
): Promise<{ fit: Fit; used: Set<number> }> {
  const allowed = problem.columns ?? rows.scaling.columns;
  const permitted = new Set(allowed);
  const working = new Set([...before].filter((column) => permitted.has(column)));
  let fit: Fit | undefined;
  let steps = 0;
  let tightened = 0;
  for (let round = 0;; round++) {
    let logits = startLogits(rows);
    if (working.size > 0) {
      const columns = Uint32Array.from([...working].sort((a, b) => a - b));
      [fit] = await solve({ ...problem, columns }, tolerance / 10 ** (1 + tightened));
      steps += Math.max(...fit!.certificates.map(({ nIter }) => nIter));
      logits = (await decision(gpu, rows.features, [fit!]))[0]!;
    }
    const residuals = balancedResiduals(rows, logits);
    const gradient = await fullGradient(gpu, rows, residuals);
    const { dual, ratio } = judge(rows, problem, allowed, residuals, gradient);
    const certificates = fit?.certificates.map((each, k): Certificate => {
      const gap = Math.max(0, 1 - dual[k]! / each.objective);
      return { ...each, gap, nIter: steps, converged: gap <= tolerance };
    });
    const joining = [...allowed].filter((column) => !working.has(column) && ratio[column]! > 1)
      .sort((a, b) => ratio[b]! - ratio[a]!)
      .slice(0, Math.max(leastJoining, working.size));
    const solved = certificates?.every(({ converged }) => converged);
    const stuck = joining.length === 0 && tightened++ === tightenings;
    if (fit && (solved || stuck || round === maxRounds)) {
      return {
        fit: { ...spread(fit, allowed), problem, certificates: certificates! },
        used: working,
      };
    }
    for (const column of joining) working.add(column);
    // Where nothing wants to join at all, the first column lets the intercept be fitted.
    if (working.size === 0) working.add(allowed[0]!);
  }
}

/** The logits of a model without columns. */
function startLogits({ labels, targets }: WideRows): Float32Array {
  const logits = new Float32Array(labels.length * targets.length);
  targets.forEach((target, k) => {
    const members = labels.reduce((count, label) => count + Number(label === target), 0);
    const logit = Math.log(members / (labels.length - members));
    for (let row = 0; row < labels.length; row++) logits[row * targets.length + k] = logit;
  });
  return logits;
}

/** Residuals `[rows, regressions]`, weighted so that those of each regression sum to zero. */
function balancedResiduals({ labels, targets }: WideRows, logits: Float32Array): Float32Array {
  const residuals = new Float32Array(logits.length);
  targets.forEach((target, k) => {
    const sums = [0, 0];
    const at = (row: number) => row * targets.length + k;
    labels.forEach((label, row) => {
      const positive = label === target;
      const size = 1 / (1 + Math.exp(positive ? logits[at(row)]! : -logits[at(row)]!));
      residuals[at(row)] = positive ? -size : size;
      sums[Number(positive)]! += size;
    });
    const least = Math.min(...sums);
    labels.forEach((label, row) => residuals[at(row)]! *= least / sums[Number(label === target)]!);
  });
  return residuals;
}

/** The gradient of every column, `[regressions, columns]` in scaled coordinates. */
async function fullGradient(
  gpu: Gpu,
  wide: WideRows,
  residuals: Float32Array,
): Promise<Float32Array> {
  const { cols } = wide.features;
  const fits = wide.targets.length;
  const gradient = new Float32Array(fits * cols);
  for (let first = 0; first < cols; first += blockCols) {
    using own = new DisposableStack();
    const end = Math.min(cols, first + blockCols);
    const tiles = createWholeTiles(
      own,
      gpu,
      fits > 8 ? 16 : 8,
      fits,
      Math.ceil((end - first) / 4),
    );
    let sums = [0, 1].map(() => own.use(createMatrix(gpu, fits, end - first, "gradient")));
    const recorder = new Recorder(gpu);
    columnBlocks(gpu, wide, first, end, own).forEach(({ x, firstRow, rows }, i) => {
      const slice = residuals.subarray(firstRow * fits, (firstRow + rows) * fits);
      const r = own.use(uploadMatrix(gpu, slice, rows, fits, "residuals"));
      logisticGradient(recorder, x, r, sums[1]!, tiles, rows, i > 0 ? sums[0]! : undefined);
      sums = [sums[1]!, sums[0]!];
    });
    recorder.submit();
    const values = await readMatrix(sums[0]!);
    for (let k = 0; k < fits; k++) {
      gradient.set(values.subarray(k * (end - first), (k + 1) * (end - first)), k * cols + first);
    }
  }
  return gradient;
}

/** All rows of some columns in GPU memory, uploaded when they are not there yet. */
function columnBlocks(
  gpu: Gpu,
  { features, scaling, resident, own }: WideRows,
  first: number,
  end: number,
  passing: DisposableStack,
): DesignBlock[] {
  const known = resident.get(first);
  if (known) return known;
  const part = {
    columns: scaling.columns.subarray(first, end),
    mean: scaling.mean.subarray(first, end),
    deviation: scaling.deviation.subarray(first, end),
  };
  const stays = 4 * features.rows * features.cols <= residentBytes;
  const blocks = uploadBlocks(stays ? own : passing, gpu, features, part);
  if (stays) resident.set(first, blocks);
  return blocks;
}

/** The dual objective of each regression, and for each column by how much it wants to join. */
function judge(
  { labels, targets, scaling }: WideRows,
  { C, l1Ratio = 1, scale = "raw" }: Problem,
  allowed: Uint32Array,
  residuals: Float32Array,
  gradient: Float32Array,
): { dual: number[]; ratio: Float64Array } {
  const cols = scaling.columns.length;
  const ratio = new Float64Array(cols);
  const dual = targets.map((_, k) => {
    let worst = 1;
    let conjugate = 0;
    for (const column of allowed) {
      const sd = scaling.deviation[column]!;
      if (sd === 0) continue;
      const weight = scale === "standardized" ? 1 : 1 / sd;
      const pull = C * Math.abs(gradient[k * cols + column]!) / weight;
      ratio[column] = Math.max(ratio[column]!, pull / Math.max(l1Ratio, 1e-12));
      worst = Math.max(worst, pull / Math.max(l1Ratio, 1e-12));
      conjugate += Math.max(0, pull - l1Ratio) ** 2 / 2;
    }
    const shrink = l1Ratio < 1 ? 1 : 1 / worst;
    let entropy = 0;
    for (let row = 0; row < labels.length; row++) {
      const a = shrink * Math.abs(residuals[row * targets.length + k]!);
      if (a > 0) entropy -= a * Math.log(a);
      if (a < 1) entropy -= (1 - a) * Math.log1p(-a);
    }
    return C * entropy - (l1Ratio < 1 ? conjugate / (1 - l1Ratio) : 0);
  });
  return { dual, ratio };
}

/** Coefficients on all columns that the problem may use. */
function spread(fit: Fit, allowed: Uint32Array): Fit {
  const columns = fit.problem.columns!;
  const place = new Map(Array.from(allowed, (column, i) => [column, i]));
  const regressions = fit.intercept.length;
  const coef = new Float32Array(regressions * allowed.length);
  columns.forEach((column, i) => {
    for (let k = 0; k < regressions; k++) {
      coef[k * allowed.length + place.get(column)!] = fit.coef[k * columns.length + i]!;
    }
  });
  return { ...fit, coef };
}
