import assert from "node:assert/strict";
import { openSafetensors, readFloats, readIntegers } from "../../src/formats/safetensors.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { decision } from "../../src/probe/decision.ts";
import type { Certificate, Fit, ProblemRequest } from "../../src/probe/fit.ts";
import { fitProblems } from "../../src/probe/solve.ts";
import { featuresOf } from "../../src/probe/standardize.ts";
import { requestGpu } from "../../src/tuning/request.ts";
import { assertFreed, gpuTest, limitBindings, ownedBytes } from "../gpu.ts";
import { DispatchLog } from "../gpu/dispatch_log.ts";
import { assertClose } from "../numbers.ts";
import { sharedPath, sharedTest } from "../shared.ts";
import { problem } from "./problem.ts";

/** The objective of a regression in float64. */
function objective(
  fit: Fit,
  k: number,
  x: Float32Array,
  labels: Int32Array,
  positive: number,
): number {
  const { C, columns } = fit.problem;
  const cols = x.length / labels.length;
  const width = fit.coef.length / fit.intercept.length;
  const coef = fit.coef.subarray(k * width, (k + 1) * width);
  let sum = 0;
  labels.forEach((label, row) => {
    let z = fit.intercept[k]!;
    coef.forEach((w, i) => z += w * x[row * cols + (columns ? columns[i]! : i)]!);
    const against = label === positive ? -z : z;
    sum += Math.max(against, 0) + Math.log1p(Math.exp(-Math.abs(against)));
  });
  return coef.reduce((norm, w) => norm + Math.abs(w), 0) + C * sum;
}

gpuTest("fitProblems() tells the operations of each round", async (gpu) => {
  const { features, labels } = problem(60, 36);
  const problems = [0.1, 1, 30].map((C) => ({ C }));
  using log = new DispatchLog();
  await fitProblems(gpu, { features, labels }, 2, problems, { maxIterations: 1 });
  const { operations } = log.dispatches.find(({ label }) => label.startsWith("logistic descend"))!;
  assert.equal(operations, 2 * 3 * 36 * 36);
});

gpuTest("fitProblems() reports the objective and a true gap", async (gpu) => {
  const { features, labels, x } = problem(301, 37);
  const fits = await fitProblems(
    gpu,
    { features, labels },
    2,
    [0.1, 1, 30].map((C) => ({ C })),
    { tolerance: 1e-5 },
  );
  for (const fit of fits) {
    const [certificate] = fit.certificates;
    const told = `C ${fit.problem.C}: ${JSON.stringify(certificate)}`;
    assert.ok(certificate!.converged, told);
    const exact = objective(fit, 0, x, labels, 1);
    assert.ok(Math.abs(certificate!.objective / exact - 1) < 2e-6, `${told} of ${exact}`);
    // Any other point is no more than the gap below.
    const nudged = { ...fit, coef: fit.coef.map((w) => 0.999 * w) };
    assert.ok(objective(nudged, 0, x, labels, 1) >= exact * (1 - certificate!.gap - 1e-6));
  }
});

gpuTest("fitProblems() gives the same alone and in a batch of masks", async (gpu) => {
  const { features, labels } = problem(150, 23, 7);
  const problems: ProblemRequest[] = [];
  for (let k = 1; k <= 23; k += 3) {
    const columns = Uint32Array.from({ length: k }, (_, i) => (i * 5) % 23).sort();
    for (const C of [0.2, 1, 10]) problems.push({ C, columns });
  }
  const options = { tolerance: 1e-5 };
  const together = await fitProblems(gpu, { features, labels }, 2, problems, options);
  for (const i of [0, 7, problems.length - 1]) {
    const [alone] = await fitProblems(gpu, { features, labels }, 2, [problems[i]!], options);
    const objectives = [together[i]!, alone!].map((fit) => fit.certificates[0]!.objective);
    assert.ok(Math.abs(objectives[0]! / objectives[1]! - 1) < 1e-5, `problem ${i}: ${objectives}`);
  }
});

gpuTest("fitProblems() leaves constant columns at zero", async (gpu) => {
  const { features, labels, x } = problem(90, 6, 3);
  for (let row = 0; row < 90; row++) x[row * 6 + 4] = 5;
  const [fit] = await fitProblems(gpu, { features, labels }, 2, [{ C: 10 }]);
  assert.equal(fit!.coef[4], 0);
  assert.ok(fit!.certificates[0]!.converged);
});

gpuTest("fitProblems() keeps the iterate that scores best on the validation rows", async (gpu) => {
  const { features, labels } = problem(120, 40, 11);
  const held = problem(80, 40, 20);
  const [fit] = await fitProblems(gpu, { features, labels }, 2, [{ C: 100 }], {
    validation: held,
  });
  const { best, last } = fit!.validation!;
  assert.ok(best.score >= last.score);
  const [logits] = await decision(gpu, held.features, [{ ...best, problem: fit!.problem }]);
  const right = held.labels.filter((label, row) => Number(logits![row]! > 0) === label).length;
  assert.equal(right / 80, best.score);
});

gpuTest("fitProblems() says where a feature is not finite", async (gpu) => {
  const { features, labels, x } = problem(40, 5);
  x[17 * 5 + 3] = NaN;
  const named = { ...features, name: "hidden.3 max" };
  await assert.rejects(
    fitProblems(gpu, { features: named, labels }, 2, [{ C: 1 }]),
    /hidden\.3 max as neuron 3 of sentence 18 is NaN/,
  );
});

gpuTest(
  "fitProblems() frees what it took where a validation feature is not finite",
  async (gpu) => {
    for (const [rows, cols] of [[37, 13], [19, 4100]] as const) {
      const train = problem(rows, cols);
      const validation = { ...problem(5, cols), score: () => 0 };
      validation.x.fill(NaN);
      for (const l1Ratio of [1, 0]) {
        const fits = fitProblems(gpu, train, 2, [{ C: 1, l1Ratio }], { validation });
        await assert.rejects(fits, /Cannot use the features as row 0, column \d+ is NaN/);
        assertFreed(gpu);
      }
    }
  },
);

gpuTest("fitProblems() refuses a class without rows", async (gpu) => {
  const { features } = problem(40, 5);
  const labels = new Int32Array(40);
  await assert.rejects(
    fitProblems(gpu, { features, labels }, 2, [{ C: 1 }]),
    /Cannot tell class 1 from the others as 0 of 40 rows/,
  );
});

gpuTest("decision() multiplies features of large means without losing digits", async (gpu) => {
  const { features, labels, x } = problem(60, 9, 5);
  for (let i = 0; i < x.length; i += 9) x[i + 6]! += 2000;
  const fits = await fitProblems(gpu, { features, labels }, 2, [{ C: 1 }, { C: 5 }]);
  const logits = await decision(gpu, features, fits);
  fits.forEach((fit, f) => {
    const expected = Float64Array.from(labels, (_, row) => {
      let z = fit.intercept[0]!;
      fit.coef.forEach((w, j) => z += w * x[row * 9 + j]!);
      return z;
    });
    assertClose(logits[f]!, expected, 1e-4, "logits");
  });
});

gpuTest("fitProblems() and decision() keep matrices within what a kernel may bind", async (gpu) => {
  const { features, labels } = problem(60, 128);
  // Two inverses of 128 columns, without what a matrix has beside them.
  limitBindings(gpu, 2 * 128 * 128 * 4);
  const problems: ProblemRequest[] = [{ C: 1 }, { C: 1, scale: "standardized" }];
  const fits = await fitProblems(gpu, { features, labels }, 2, problems);
  assert.ok(fits.every(({ certificates }) => certificates[0]!.converged));
  // So many logits of 60 rows do not fit.
  const many = Array.from({ length: 600 }, (_, i) => fits[i % 2]!);
  const logits = await decision(gpu, features, many);
  const expected = await decision(gpu, features, fits);
  assert.deepEqual(logits, many.map((_, i) => expected[i % 2]!));
});

gpuTest(
  "fitProblems() solves more columns than one Gram matrix holds, and many on few rows",
  async (gpu) => {
    for (const [rows, cols, seed] of [[90, 4203, 2], [60, 4203, 3], [33, 1021, 2]] as const) {
      const { features, labels, x } = problem(rows, cols, seed);
      const problems = [{ C: 0.05 }, { C: 0.3 }, { C: 50 }];
      const fits = await fitProblems(gpu, { features, labels }, 2, problems);
      const best = await fitProblems(gpu, { features, labels }, 2, problems, { exact: true });
      fits.forEach((fit, i) => {
        const [{ gap, objective: reported, nonzeros }] = fit.certificates as [Certificate];
        assert.equal(fit.stop, "converged", `C ${fit.problem.C} of ${rows} rows`);
        const own = objective(fit, 0, x, labels, 1);
        assert.ok(Math.abs(reported / own - 1) < 5e-6);
        assert.ok(own * (1 - gap) <= objective(best[i]!, 0, x, labels, 1) * (1 + 1e-6));
        assert.equal(nonzeros, fit.coef.filter((w) => w !== 0).length);
      });
    }
  },
);

gpuTest("fitProblems() holds few rows in GPU memory where it may not hold more", async (gpu) => {
  const { features, labels } = problem(17_001, 6, 9);
  const problems = [{ C: 0.01 }, { C: 0.02, columns: Uint32Array.of(0, 2, 3) }];
  const train = { features, labels };
  const fit = (residentBytes?: number) =>
    fitProblems(gpu, train, 2, problems, {
      tolerance: 1e-5,
      validation: train,
      ...(residentBytes !== undefined && { residentBytes }),
    });
  const before = ownedBytes(gpu);
  assert.deepEqual(await fit(0), await fit());
  assert.equal(ownedBytes(gpu), before);
});

gpuTest("fitProblems() adds up blocks of rows", async (gpu) => {
  const { features, labels, x } = problem(17_001, 6, 9);
  const [fit] = await fitProblems(gpu, { features, labels }, 2, [{ C: 0.01 }], { tolerance: 1e-5 });
  const exact = objective(fit!, 0, x, labels, 1);
  assert.ok(fit!.certificates[0]!.converged);
  assert.ok(Math.abs(fit!.certificates[0]!.objective / exact - 1) < 5e-6);
  const nudged = { ...fit!, coef: fit!.coef.map((w) => 1.01 * w) };
  assert.ok(objective(nudged, 0, x, labels, 1) >= exact * (1 - 1.2e-5));
});

const certified = ["mr-hidden", "scales", "separable", "rare", "tiny"];

for (const name of certified) {
  const path = `solver/${name}.safetensors`;
  sharedTest(`fitProblems() reaches the certified optima of ${name}`, [path], async () => {
    using gpu = await requestGpu();
    await compareToOptima(gpu, sharedPath(path));
  });
}

async function compareToOptima(gpu: Gpu, path: string): Promise<void> {
  using file = openSafetensors(path);
  const labels = readIntegers(file, "y");
  const x = readFloats(file, "x");
  const optima = new Float64Array(file.readBytes("objective").buffer);
  const problems = [...readFloats(file, "c")].map((C) => ({ C }));
  const train = { features: featuresOf(x, labels.length), labels };
  const fits = await fitProblems(gpu, train, 2, problems, { tolerance: 1e-4 });
  fits.forEach((fit, i) => {
    const { gap, converged } = fit.certificates[0]!;
    const above = objective(fit, 0, x, labels, 1) / optima[i]! - 1;
    assert.ok(converged, `C ${fit.problem.C} did not converge`);
    assert.ok(above <= 1e-4, `C ${fit.problem.C} is ${above} above the optimum`);
    assert.ok(above <= gap + 1e-6, `C ${fit.problem.C}: the gap ${gap} is less than ${above}`);
  });
}
