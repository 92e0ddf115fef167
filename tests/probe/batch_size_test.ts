import assert from "node:assert/strict";
import type { ProblemRequest } from "../../src/probe/fit.ts";
import { fitProblems } from "../../src/probe/solve.ts";
import { featuresOf } from "../../src/probe/standardize.ts";
import { requestGpu } from "../../src/tuning/request.ts";
import { randomNumbers } from "../numbers.ts";

/** Rows of some classes, each around a place of its own. */
function clusters(rows: number, cols: number, classes: number) {
  const centres = randomNumbers(classes * cols, 5);
  const labels = Int32Array.from({ length: rows }, (_, row) => row % classes);
  const x = randomNumbers(rows * cols, 6).map((value, i) =>
    value + centres[labels[Math.floor(i / cols)]! * cols + i % cols]!
  );
  return { features: featuresOf(x, rows), labels };
}

/** Every `step`-th column, from `first`. */
function masked(cols: number, first: number, step: number): Uint32Array {
  const length = Math.ceil((cols - first) / step);
  return Uint32Array.from({ length }, (_, i) => first + i * step);
}

async function checkAlone(
  train: ReturnType<typeof clusters>,
  classes: number,
  problems: ProblemRequest[],
  chosen: number[],
): Promise<void> {
  using gpu = await requestGpu();
  const options = { tolerance: 1e-5 };
  const together = await fitProblems(gpu, train, classes, problems, options);
  for (const i of chosen) {
    const [alone] = await fitProblems(gpu, train, classes, [problems[i]!], options);
    together[i]!.certificates.forEach(({ objective, converged }, k) => {
      const other = alone!.certificates[k]!;
      assert.ok(converged && other.converged, `problem ${i}, regression ${k}`);
      const difference = objective / other.objective - 1;
      assert.ok(Math.abs(difference) < 1e-5, `problem ${i}, regression ${k}: ${difference}`);
    });
  }
}

Deno.test("fitProblems() gives the same alone and in a batch of 350", async () => {
  const cols = 23;
  const problems = Array.from({ length: 70 }, (_, mask) => masked(cols, mask % 10, 1 + mask % 7))
    .flatMap((columns) => [0.1, 0.2, 1, 3, 10].map((C) => ({ C, columns })));
  assert.equal(problems.length, 350);
  await checkAlone(clusters(80, cols, 2), 2, problems, [4, 173, 349]);
});

Deno.test("fitProblems() gives the same alone and among 515 regressions", async () => {
  const problems = [0.5, 0.7, 1, 1.4, 2].map((C) => ({ C }));
  await checkAlone(clusters(206, 7, 103), 103, problems, [2]);
});

Deno.test("fitProblems() gives the same alone and among more inverses than fit a texture", async () => {
  const cols = 331;
  // More than 16,384 rows of inverses, with sets of one column among them.
  const problems = Array.from({ length: 64 }, (_, mask) => ({
    C: 0.3,
    columns: mask % 9 === 8 ? Uint32Array.of(mask) : masked(cols, mask, 1),
  }));
  await checkAlone(clusters(90, cols, 2), 2, problems, [0, 8, 63]);
});
