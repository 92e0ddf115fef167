import assert from "node:assert/strict";
import { fitLogistic, type LogisticOptions } from "../../src/probe/logistic.ts";
import { requestGpu } from "../../src/tuning/request.ts";
import { type Hardness, hardRows } from "./hard_rows.ts";
import { type BinaryRows, exactObjective, referenceFit } from "./reference.ts";

const tolerance = 1e-4;

/** Fits, and compares what is reported with the weights that are returned. */
async function checkProofs(
  rows: BinaryRows,
  C: readonly number[],
  options: Pick<LogisticOptions, "l1Ratio" | "scale"> = {},
): Promise<void> {
  using gpu = await requestGpu();
  const models = await fitLogistic(gpu, rows.x, rows.y, { C, ...options, tolerance });
  for (const { C, coef, intercept, certificates: [certificate] } of models) {
    const problem = { C, ...options };
    const { objective, gap, converged, nonzeros } = certificate!;
    const name = `C ${C}, gap ${gap}`;
    const exact = exactObjective(rows, problem, coef, intercept[0]!);
    assert.ok(Math.abs(objective / exact - 1) < 1e-10, `${name}: ${objective} is ${exact}`);
    const above = 1 - referenceFit(rows, problem).objective / exact;
    assert.ok(above <= gap + 1e-12, `${name}: ${above} above the optimum`);
    assert.ok(converged && gap <= tolerance, `${name}: not converged`);
    assert.equal(nonzeros, coef.filter((weight) => weight !== 0).length);
  }
}

const hard: Record<string, [seed: number, hardness: Hardness, C: readonly number[]]> = {
  "heavy tails": [1, { rows: 200, cols: 20, spread: 3, power: 3, noise: 0.5 }, [1, 10, 100]],
  "heavier tails": [1, { rows: 150, cols: 20, spread: 4, power: 5, noise: 0.5 }, [1, 10]],
  "copies of columns": [3, { rows: 150, cols: 30, spread: 3, copies: 0.5, noise: 0.5 }, [1, 100]],
  "nearly collinear columns": [2, { rows: 90, cols: 20, nearCopies: 0.5, noise: 0.5 }, [0.3, 3]],
  "a rare class": [
    2,
    { rows: 1003, cols: 13, spread: 2, power: 2, noise: 0.5, positive: 0.011 },
    [1, 10],
  ],
  "a plane between the classes": [2, { rows: 120, cols: 20, spread: 3, power: 2 }, [1, 10, 100]],
};

for (const [name, [seed, hardness, C]] of Object.entries(hard)) {
  Deno.test(`fitLogistic() proves the optima of ${name}`, () =>
    checkProofs(hardRows(seed, hardness), C));
}

Deno.test("fitLogistic() proves an elastic net and ridge on heavy tails", async () => {
  const rows = hardRows(4, { rows: 150, cols: 15, spread: 1, power: 3, noise: 0.5 });
  await checkProofs(rows, [1, 30], { l1Ratio: 0.3, scale: "standardized" });
  await checkProofs(rows, [1, 30], { l1Ratio: 0, scale: "standardized" });
});

Deno.test("fitLogistic() returns the model that it certifies beside large means", async () => {
  const { x, y } = hardRows(1, { rows: 200, cols: 20, noise: 0.5 });
  await checkProofs({ x: x.map((value) => 1e4 + 1e-2 * value), y }, [1, 10, 100]);
});

Deno.test("fitLogistic() proves fits on more columns than one Gram matrix holds", async () => {
  const rows = hardRows(5, { rows: 60, cols: 4200, spread: 1, power: 2, noise: 0.1 });
  await checkProofs(rows, [0.3, 1]);
});

Deno.test("fitLogistic() stays within its iterations, and says so", async () => {
  const rows = hardRows(1, { rows: 200, cols: 20, spread: 3, power: 3, noise: 0.5 });
  using gpu = await requestGpu();
  const [model] = await fitLogistic(gpu, rows.x, rows.y, { C: [100], maxIterations: 4 });
  const { objective, gap } = model!.certificates[0]!;
  assert.ok(!model!.converged && model!.nIter <= 4);
  assert.ok(1 - referenceFit(rows, { C: 100 }).objective / objective <= gap);
});
