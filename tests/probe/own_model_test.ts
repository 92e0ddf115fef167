import assert from "node:assert/strict";
import { fitProblems } from "../../src/probe/solve.ts";
import { featuresOf } from "../../src/probe/standardize.ts";
import { requestGpu } from "../../src/tuning/request.ts";
import { hardRows } from "./hard_rows.ts";
import { problem } from "./problem.ts";

Deno.test("fitProblems() keeps the same iterate whatever the order of the classes", async () => {
  using gpu = await requestGpu();
  const cols = 40;
  const { x, y } = hardRows(4, { rows: 200, cols, spread: 1, power: 3, noise: 0.5 });
  const features = featuresOf(x, y.length);
  const classes = y.map((label, row) => 2 * label + Number(x[row * cols + 3]! > 0));
  const fitAs = async (order: readonly number[]) => {
    const labels = classes.map((label) => order.indexOf(label));
    // Rises for two looks after the regressions have left the model that they share.
    let looks = 0;
    const validation = { features, labels, score: () => Math.min(++looks, 17) };
    const options = { tolerance: 1e-6, validation, patience: 10 };
    const [fit] = await fitProblems(gpu, { features, labels }, 4, [{ C: 30 }], options);
    return { ...fit!.validation!.best, certificates: fit!.certificates };
  };
  const order = [2, 3, 1, 0];
  const [fit, other] = [await fitAs([0, 1, 2, 3]), await fitAs(order)];
  assert.deepEqual([fit.nIter, other.nIter], [34, 34]);
  order.forEach((k, place) => {
    assert.deepEqual(other.certificates[place], fit.certificates[k]);
    assert.deepEqual(
      other.coef.subarray(cols * place, cols * (place + 1)),
      fit.coef.subarray(cols * k, cols * (k + 1)),
    );
  });
});

Deno.test("fitProblems() solves models of many more columns than rows that few columns tell", async () => {
  using gpu = await requestGpu();
  for (const seed of [1, 3]) {
    // Beside an elastic net, working sets do not take them over.
    const problems = [{ C: 0.5 }, { C: 0.1, l1Ratio: 0.5 }];
    const [fit] = await fitProblems(gpu, problem(30, 1020, seed), 2, problems, { tolerance: 1e-4 });
    assert.equal(fit!.stop, "converged", `gap ${fit!.certificates[0]!.gap} of seed ${seed}`);
  }
});
