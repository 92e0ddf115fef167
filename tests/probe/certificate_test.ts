import assert from "node:assert/strict";
import type { ProblemRequest } from "../../src/probe/fit.ts";
import { fitProblems } from "../../src/probe/solve.ts";
import { featuresOf } from "../../src/probe/standardize.ts";
import { seededRandom } from "../../src/random.ts";
import { requestGpu } from "../../src/tuning/request.ts";
import { exactObjective, referenceFit } from "./reference.ts";

/** Rows of random shape: columns of scales from 1e-3 to 1e3, some constant, equal or dependent. */
function randomRows(random: () => number) {
  const rows = 5 + Math.floor(195 * random() ** 2);
  const cols = 1 + Math.floor(30 * random());
  const x = new Float32Array(rows * cols);
  for (let j = 0; j < cols; j++) {
    const kind = random();
    const [size, mean, other] = [10 ** (6 * random() - 3), 3 * random(), Math.floor(j * random())];
    for (let row = 0; row < rows; row++) {
      const own = size * (random() + random() - 1 + mean);
      const earlier = x[row * cols + other]!;
      x[row * cols + j] = kind < 0.1
        ? size
        : kind < 0.2
        ? earlier
        : kind < 0.3
        ? 3 * earlier + 0.01 * own
        : own;
    }
  }
  const noise = 0.2 + random();
  const labels = Int32Array.from({ length: rows }, (_, row) => {
    if (row < 2) return row;
    const at = x[row * cols]! / (Math.abs(x[0]!) + Math.abs(x[cols]!) || 1);
    return Number(at + noise * (random() - 0.5) > 0.5 * noise * random());
  });
  return { x, labels, features: featuresOf(x, rows) };
}

function randomProblem(random: () => number): ProblemRequest {
  return {
    C: 10 ** (4 * random() - 2),
    l1Ratio: [1, 1, 0.5, 0][Math.floor(4 * random())]!,
    scale: random() < 0.5 ? "raw" : "standardized",
  };
}

const tolerance = 1e-4;

for (const seed of [1, 3, 9, 10, 24]) {
  Deno.test(`fitProblems() reports no gap below the real one, seed ${seed}`, async () => {
    using gpu = await requestGpu();
    const random = seededRandom(seed);
    const train = randomRows(random);
    const problems = Array.from({ length: 5 }, () => randomProblem(random));
    const fits = await fitProblems(gpu, train, 2, problems, { tolerance });
    fits.forEach(({ problem, coef, intercept, certificates: [certificate] }) => {
      const rows = { x: train.x, y: train.labels };
      const name = `${rows.y.length} rows, ${coef.length} columns, ${JSON.stringify(problem)}`;
      const exact = exactObjective(rows, problem, coef, intercept[0]!);
      const optimum = referenceFit(rows, problem);
      const { objective, gap, converged } = certificate!;
      assert.ok(Math.abs(objective / exact - 1) < 1e-5, `${name}: ${objective} is ${exact}`);
      const above = 1 - optimum.objective / exact;
      assert.ok(above <= gap + 2e-6, `${name}: ${above} above the optimum, gap ${gap}`);
      assert.ok(converged, `${name}: gap ${gap}`);
      assert.ok(above <= tolerance, `${name}: ${above} above the optimum`);
    });
  });
}
