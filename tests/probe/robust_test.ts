import assert from "node:assert/strict";
import type { Fit, ProblemRequest } from "../../src/probe/fit.ts";
import { fitProblems } from "../../src/probe/solve.ts";
import { featuresOf } from "../../src/probe/standardize.ts";
import { requestGpu } from "../../src/tuning/request.ts";
import { randomNumbers } from "../numbers.ts";
import { exactObjective, referenceFit } from "./reference.ts";

const tolerance = 1e-4;

interface Rows {
  readonly x: Float32Array;
  readonly y: Int32Array;
}

/** Rows whose first columns tell the class, with noise. */
function noisyRows(
  rows: number,
  cols: number,
  value: (number: number, row: number, column: number) => number,
  noise = 1,
): Rows {
  const numbers = randomNumbers(rows * cols, 3);
  const errors = randomNumbers(rows, 4);
  const at = (row: number, column: number) => numbers[row * cols + column]!;
  const x = numbers.map((number, i) => value(number, Math.floor(i / cols), i % cols));
  const y = Int32Array.from(
    errors,
    (error, row) => Number(at(row, 0) + at(row, cols >> 1) + noise * error > 0),
  );
  return { x, y };
}

async function fitAll({ x, y }: Rows, problems: ProblemRequest[]): Promise<Fit[]> {
  using gpu = await requestGpu();
  const features = featuresOf(x, y.length);
  return await fitProblems(gpu, { features, labels: y }, 2, problems, { tolerance });
}

/** How far a fit is above its optimum, its gap being no less. */
function aboveOptimum(fit: Fit, rows: Rows): number {
  const exact = exactObjective(rows, fit.problem, fit.coef, fit.intercept[0]!);
  const above = 1 - referenceFit(rows, fit.problem).objective / exact;
  const { gap } = fit.certificates[0]!;
  assert.ok(above <= gap + 2e-6, `C ${fit.problem.C}: ${above} above the optimum, gap ${gap}`);
  return above;
}

async function checkOptima(rows: Rows, C: number[], isCertified = true): Promise<Fit[]> {
  const fits = await fitAll(rows, C.map((each) => ({ C: each })));
  for (const fit of fits) {
    const above = aboveOptimum(fit, rows);
    assert.ok(above <= tolerance, `C ${fit.problem.C} is ${above} above its optimum`);
    if (isCertified) assert.ok(fit.certificates[0]!.converged, `C ${fit.problem.C}`);
  }
  return fits;
}

Deno.test("fitProblems() reaches optima on scales from 1e-3 to 1e3", async () => {
  await checkOptima(noisyRows(130, 13, (v, _, j) => v * 10 ** (j % 7 - 3)), [0.1, 1, 10]);
});

Deno.test("fitProblems() reaches optima on scales from 1e-6 to 1e6", async () => {
  // Weights on columns so large are next to free: float32 residuals cannot prove how good they are.
  const rows = noisyRows(130, 13, (v, _, j) => v * 10 ** (j - 6));
  await checkOptima(rows, [0.1, 1, 10], false);
});

Deno.test("fitProblems() reaches optima on columns far from zero", async () => {
  const rows = noisyRows(150, 11, (v, _, j) => j % 4 === 0 ? 1e4 + 1e-2 * v : v - 300 * (j % 2));
  await checkOptima(rows, [0.1, 1]);
});

Deno.test("fitProblems() reaches optima on equal, constant and dependent columns", async () => {
  const { x, y } = noisyRows(140, 14, (v) => v);
  for (let row = 0; row < 140; row++) {
    const at = 14 * row;
    x[at + 3] = x[at]!;
    x[at + 5] = -2;
    x[at + 9] = x[at + 1]! - 2 * x[at + 7]!;
    x[at + 10] = x[at + 2]! + 1e-4 * x[at + 10]!;
  }
  const fits = await checkOptima({ x, y }, [0.1, 1, 10]);
  for (const { coef } of fits) assert.equal(coef[5], 0);
});

Deno.test("fitProblems() reaches optima on heavy tails", async () => {
  const rows = noisyRows(200, 30, (v, _, j) => v / (1.001 - Math.abs(v)) * (j % 7 === 0 ? 100 : 1));
  await checkOptima(rows, [0.1, 1]);
});

Deno.test("fitProblems() reaches optima on 11 positives among 1,003 rows", async () => {
  const { x } = noisyRows(1003, 9, (v) => v);
  const y = Int32Array.from({ length: 1003 }, (_, row) => Number(row % 91 === 7));
  y.fill(0, 1000);
  for (let row = 7; row < 1000; row += 91) x[9 * row + 2]! += 1;
  assert.equal(y.reduce((a, b) => a + b), 11);
  await checkOptima({ x, y }, [0.1, 1, 10, 100]);
});

Deno.test("fitProblems() reaches optima on separable rows with C 100", async () => {
  await checkOptima(noisyRows(120, 23, (v) => v, 0), [1, 100]);
});

Deno.test("fitProblems() reaches optima with more columns than rows", async () => {
  await checkOptima(noisyRows(29, 131, (v) => v), [0.3, 3, 100]);
});

Deno.test("fitProblems() reaches optima on five rows, and where all weights are zero", async () => {
  const rows = { x: randomNumbers(15, 2), y: Int32Array.of(0, 1, 0, 1, 1) };
  const [zero, ...others] = await checkOptima(rows, [0.01, 10, 100]);
  assert.deepEqual([...zero!.coef], [0, 0, 0]);
  assert.equal(zero!.certificates[0]!.nonzeros, 0);
  assert.ok(others.every(({ certificates }) => certificates[0]!.nonzeros > 0));
});

Deno.test("fitProblems() reaches optima on one column", async () => {
  await checkOptima(noisyRows(37, 1, (v) => v), [0.1, 100]);
});
