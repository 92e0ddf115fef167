import assert from "node:assert/strict";
import { decision } from "../../src/probe/decision.ts";
import { type Fit, type ProblemRequest, scales } from "../../src/probe/fit.ts";
import { fitProblems } from "../../src/probe/solve.ts";
import type { SolverOptions } from "../../src/probe/solver_options.ts";
import { featuresOf } from "../../src/probe/standardize.ts";
import { requestGpu } from "../../src/tuning/request.ts";
import { gpuTest } from "../gpu.ts";
import { randomNumbers } from "../numbers.ts";
import { exactObjective, referenceFit } from "./reference.ts";

const cols = 4201;

/** Rows of some classes that a few of very many columns tell. */
function wideRows(rows: number, classes: number, seed: number) {
  const x = randomNumbers(rows * cols, seed)
    .map((value, at) => value * 10 ** ((at % cols) % 3 - 1) + (at % cols) % 2);
  const noise = randomNumbers(rows, seed + 1);
  const scores = Array.from(noise, (n, row) => 10 * x[row * cols]! + x[row * cols + 1]! + 0.3 * n);
  const ranked = scores.toSorted((a, b) => a - b);
  const labels = Int32Array.from(
    scores,
    (score) => Math.floor(ranked.indexOf(score) * classes / rows),
  );
  return { features: featuresOf(x, rows), labels, x };
}

/** Columns of the rows, side by side. */
function select(x: Float32Array, columns: Uint32Array): Float32Array {
  const rows = x.length / cols;
  return Float32Array.from(
    { length: rows * columns.length },
    (_, i) => x[Math.floor(i / columns.length) * cols + columns[i % columns.length]!]!,
  );
}

/** As many columns as rows with the same products of rows: the same ridge problem. */
function ridgeRows(x: Float32Array, rows: number, scale: ProblemRequest["scale"]): Float32Array {
  const width = x.length / rows;
  const products = new Float64Array(rows * rows);
  for (let j = 0; j < width; j++) {
    const column = Float64Array.from({ length: rows }, (_, row) => x[row * width + j]!);
    const mean = column.reduce((a, b) => a + b) / rows;
    const sd = Math.sqrt(column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / rows);
    const centred = column.map((value) => (value - mean) / (scale === "standardized" ? sd : 1));
    for (let a = 0; a < rows; a++) {
      for (let b = 0; b < rows; b++) products[a * rows + b]! += centred[a]! * centred[b]!;
    }
  }
  // The Cholesky factor; centred rows depend on each other, so the last pivot is rounding alone.
  const factor = new Float32Array(rows * rows);
  for (let j = 0; j < rows - 1; j++) {
    const pivot = Math.sqrt(products[j * rows + j]!);
    for (let a = j; a < rows; a++) factor[a * rows + j] = products[a * rows + j]! / pivot;
    for (let a = j + 1; a < rows; a++) {
      for (let b = j + 1; b < rows; b++) {
        products[a * rows + b]! -= products[a * rows + j]! * products[j * rows + b]! / pivot ** 2;
      }
    }
  }
  return factor;
}

/** Compares each regression of a fit with its optimum in float64. */
function compareToOptimum(fit: Fit, x: Float32Array, labels: Int32Array): void {
  const used = fit.problem.columns ? select(x, fit.problem.columns) : x;
  const width = used.length / labels.length;
  const regressions = fit.intercept.length;
  fit.certificates.forEach((certificate, k) => {
    const y = labels.map((label) => Number(label === (regressions === 1 ? 1 : k)));
    const coef = fit.coef.subarray(k * width, (k + 1) * width);
    const exact = exactObjective({ x: used, y }, fit.problem, coef, fit.intercept[k]!);
    const optimum = fit.problem.l1Ratio === 0
      ? referenceFit(
        { x: ridgeRows(used, y.length, fit.problem.scale), y },
        { C: fit.problem.C, l1Ratio: 0 },
      ).objective
      : referenceFit({ x: used, y }, fit.problem).objective;
    const name = `C ${fit.problem.C}, regression ${k}`;
    assert.ok(Math.abs(certificate.objective / exact - 1) < 5e-6, `${name}: objective`);
    const above = 1 - optimum / exact;
    assert.ok(above <= certificate.gap + 2e-6, `${name}: ${above} above, gap ${certificate.gap}`);
    assert.equal(certificate.nonzeros, coef.filter((value) => value !== 0).length);
  });
}

async function fitOnce(
  train: ReturnType<typeof wideRows>,
  classes: number,
  problems: ProblemRequest[],
  options: SolverOptions = {},
): Promise<Fit[]> {
  using gpu = await requestGpu();
  return await fitProblems(gpu, train, classes, problems, options);
}

gpuTest("fitProblems() returns wide fits in the order of their problems", async (gpu) => {
  const { features, labels, x } = wideRows(70, 2, 2);
  const problems = [0.3, 0.1].map((C) => ({ C, scale: "standardized" as const }));
  const fits = await fitProblems(gpu, { features, labels }, 2, problems);
  fits.forEach((fit, i) => {
    assert.deepEqual(fit.problem, { ...problems[i], l1Ratio: 1 });
    assert.ok(fit.certificates[0]!.converged);
    compareToOptimum(fit, x, labels);
  });
});

Deno.test("fitProblems() solves every class on wide rows", async () => {
  const train = wideRows(60, 3, 5);
  const problems = [{ C: 0.5 }, { C: 2, l1Ratio: 0.7 }];
  for (const fit of await fitOnce(train, 3, problems, { tolerance: 1e-4 })) {
    assert.ok(fit.certificates.every(({ converged }) => converged));
    compareToOptimum(fit, train.x, train.labels);
  }
});

Deno.test("fitProblems() keeps to the columns of each wide problem", async () => {
  const train = wideRows(60, 2, 8);
  const odd = Uint32Array.from({ length: 2100 }, (_, i) => 2 * i + 1);
  const most = Uint32Array.from({ length: 4150 }, (_, i) => i + 3);
  const problems = [{ C: 1, columns: most }, { C: 2, columns: odd }, { C: 0.5 }];
  for (const fit of await fitOnce(train, 2, problems)) {
    assert.equal(fit.coef.length, fit.problem.columns?.length ?? cols);
    compareToOptimum(fit, train.x, train.labels);
  }
});

for (const scale of scales) {
  Deno.test(`fitProblems() certifies ridge on wide rows with ${scale} penalties`, async () => {
    const train = wideRows(60, 3, 11);
    const problems = [0.1, 3].map((C) => ({ C, l1Ratio: 0, scale }));
    for (const fit of await fitOnce(train, 3, problems, { tolerance: 1e-4 })) {
      assert.ok(fit.certificates.every(({ converged }) => converged));
      compareToOptimum(fit, train.x, train.labels);
    }
  });
}

for (const scale of scales) {
  Deno.test(`fitProblems() solves a wide elastic net of little L1 on ${scale} weights`, async () => {
    const train = wideRows(40, 3, 11);
    const problems = [{ C: 0.1, l1Ratio: 0.05, scale }, { C: 3, l1Ratio: 0.001, scale }];
    for (const fit of await fitOnce(train, 3, problems, { tolerance: 1e-4 })) {
      assert.ok(fit.certificates.every(({ converged }) => converged));
      compareToOptimum(fit, train.x, train.labels);
    }
  });
}

Deno.test("fitProblems() goes on with all columns where a wide elastic net uses many", async () => {
  const train = wideRows(60, 2, 29);
  const held = wideRows(50, 2, 18);
  const problem = { C: 10, l1Ratio: 0.1, scale: "standardized" as const };
  const [fit] = await fitOnce(train, 2, [problem], { tolerance: 1e-4, validation: held });
  assert.ok(fit!.certificates[0]!.converged);
  assert.ok(fit!.certificates[0]!.nonzeros > cols / 8);
  compareToOptimum(fit!, train.x, train.labels);
  assert.deepEqual(fit!.validation!.last.coef, fit!.coef);
});

Deno.test("fitProblems() keeps the best wide iterate on all columns of its problem", async () => {
  using gpu = await requestGpu();
  const train = wideRows(80, 2, 17);
  const held = wideRows(50, 2, 18);
  const problems = [{ C: 20 }, { C: 0.4, l1Ratio: 0 }];
  for (const fit of await fitProblems(gpu, train, 2, problems, { validation: held })) {
    const { best, last } = fit.validation!;
    assert.ok(best.score >= last.score && best.nIter <= last.nIter);
    assert.deepEqual(last.coef, fit.coef);
    for (const each of [best, last]) {
      assert.equal(each.coef.length, cols);
      const [logits] = await decision(gpu, held.features, [{ ...each, problem: fit.problem }]);
      const right = held.labels.filter((label, row) => Number(logits![row]! > 0) === label);
      assert.equal(right.length / held.labels.length, each.score);
    }
  }
});

Deno.test("fitProblems() says which wide fits did not converge, with a true gap", async () => {
  const train = wideRows(70, 2, 21);
  const problems = [{ C: 1 }, { C: 1, l1Ratio: 0 }];
  for (const fit of await fitOnce(train, 2, problems, { maxIterations: 2, tolerance: 1e-5 })) {
    assert.ok(!fit.certificates[0]!.converged);
    assert.ok(fit.certificates[0]!.nIter <= 2);
    compareToOptimum(fit, train.x, train.labels);
  }
});

Deno.test("fitProblems() fits the intercept alone where all of the wide columns are constant", async () => {
  const labels = Int32Array.from({ length: 40 }, (_, row) => Number(row % 4 === 0));
  const x = new Float32Array(40 * cols).fill(2);
  const train = { features: featuresOf(x, 40), labels, x };
  for (const fit of await fitOnce(train, 2, [{ C: 1, l1Ratio: 0 }, { C: 1 }])) {
    assert.ok(fit.coef.every((value) => value === 0));
    assert.ok(Math.abs(fit.intercept[0]! - Math.log(1 / 3)) < 1e-6);
    assert.ok(fit.certificates[0]!.converged);
  }
});

Deno.test("fitProblems() refuses a wide problem without a penalty", async () => {
  const train = wideRows(20, 2, 1);
  await assert.rejects(fitOnce(train, 2, [{ C: -1 }]), /C -1: a finite number above 0/);
  await assert.rejects(fitOnce(train, 2, [{ C: 1, l1Ratio: 2 }]), /l1Ratio 2: it must be 0 to 1/);
});
