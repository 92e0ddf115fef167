import assert from "node:assert/strict";
import type { SplitName } from "../../src/data/dataset.ts";
import { makeDataset } from "../../src/data/make_dataset.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { featuresOf } from "../../src/probe/standardize.ts";
import { integrate } from "../../src/spin/integrate.ts";
import { fitProbes } from "../../src/spin/probes.ts";
import {
  fitRegressions,
  type Iterate,
  type Regression,
  type SolverChoices,
} from "../../src/spin/regressions.ts";
import { SpindleError } from "../../src/util.ts";
import { key, openStore } from "../features/support.ts";
import { withFolder } from "../folder.ts";
import { gpuTest } from "../gpu.ts";
import { randomNumbers } from "../numbers.ts";

const rows = { train: 90, validation: 61, test: 37 };

/** Rows whose class depends on three of their columns, and so much on chance that C overfits. */
function problem(cols: number, classes: number) {
  const split = (name: SplitName, seed: number) => {
    const count = rows[name];
    const x = randomNumbers(count * cols, seed);
    const noise = randomNumbers(count * classes, seed + 1);
    const labels = Int32Array.from({ length: count }, (_, row) => {
      const scores = Array.from(
        { length: classes },
        (_, c) => x[row * cols + c]! + noise[row * classes + c]!,
      );
      return scores.indexOf(Math.max(...scores));
    });
    return { x, labels, features: featuresOf(x, count) };
  };
  const splits = {
    train: split("train", 1),
    validation: split("validation", 3),
    test: split("test", 5),
  };
  const texts = (name: SplitName) => {
    const { labels } = splits[name];
    return { texts: Array.from(labels, (_, row) => `${name} ${row}`), labels };
  };
  const dataset = makeDataset({
    name: "chance",
    classes: Array.from({ length: classes }, (_, c) => `class ${c}`),
    train: texts("train"),
    validation: texts("validation"),
    test: texts("test"),
  });
  const { train, validation, test } = splits;
  const features = {
    train: train.features,
    validation: validation.features,
    test: test.features,
  };
  const fit = (gpu: Gpu, C: readonly number[], choices: SolverChoices) =>
    fitRegressions(gpu, features, dataset, C.map((C) => ({ C })), choices);
  return { splits, dataset, fit };
}

/** The share of rows that a regression gets right, in float64. */
function accuracy({ coef, intercept }: Regression, x: Float32Array, labels: Int32Array): number {
  const cols = x.length / labels.length;
  const logits = (row: number) =>
    Array.from(intercept, (shift, k) =>
      coef.subarray(k * cols, (k + 1) * cols)
        .reduce((sum, weight, i) => sum + weight * x[row * cols + i]!, shift));
  const right = labels.filter((label, row) => {
    const each = logits(row);
    const predicted = each.length === 1 ? Number(each[0]! > 0) : each.indexOf(Math.max(...each));
    return predicted === label;
  });
  return right.length / labels.length;
}

/**
 * What a regression costs: the penalty plus C times the summed loss, of two classes, in float64.
 */
function objective({ C, coef, intercept }: Regression, x: Float32Array, labels: Int32Array) {
  const cols = coef.length;
  let loss = 0;
  labels.forEach((label, row) => {
    const logit = coef.reduce((sum, weight, i) => sum + weight * x[row * cols + i]!, intercept[0]!);
    loss += Math.log1p(Math.exp(label === 1 ? -logit : logit));
  });
  return coef.reduce((norm, weight) => norm + Math.abs(weight), 0) + C * loss;
}

gpuTest("fitRegressions() scores the weights that it gives", async (gpu) => {
  for (const [cols, classes] of [[37, 2], [13, 4]] as const) {
    const { splits, fit } = problem(cols, classes);
    for (const iterate of ["best", "converged"] as const) {
      for (const regression of await fit(gpu, [0.1, 1, 30], { iterate })) {
        const { validation, test } = splits;
        assert.equal(regression.validation, accuracy(regression, validation.x, validation.labels));
        assert.equal(regression.test, accuracy(regression, test.x, test.labels));
      }
    }
  }
});

gpuTest("fitRegressions() gives the optimum, or a better iterate in validation", async (gpu) => {
  const { splits: { train }, fit } = problem(37, 2);
  const C = [0.1, 1, 30];
  const converged = await fit(gpu, C, { iterate: "converged", tolerance: 1e-5 });
  const best = await fit(gpu, C, { iterate: "best", tolerance: 1e-5, patience: 1000 });
  const stopped = await fit(gpu, C, { iterate: "best", tolerance: 1e-5, patience: 2 });
  const costs = (fits: Regression[]) => fits.map((each) => objective(each, train.x, train.labels));
  const [optimal, early] = [costs(converged), costs(best)];
  C.forEach((_, i) => {
    assert.ok(converged[i]!.stop === "converged" && converged[i]!.gap <= 1e-5);
    assert.ok(optimal[i]! <= early[i]! * (1 + 1e-5), `${optimal[i]} against ${early[i]}`);
    assert.ok(best[i]!.validation >= converged[i]!.validation);
    assert.ok(stopped[i]!.nIter <= best[i]!.nIter);
  });
  // With a large C the way to the optimum leads past better predictions.
  assert.ok(best[2]!.validation > converged[2]!.validation);
  assert.ok(early[2]! > 1.01 * optimal[2]!);
  assert.ok(stopped[2]!.stop === "validation" && stopped[2]!.nIter < converged[2]!.nIter);
});

gpuTest("fitRegressions() tells why a fit stopped", async (gpu) => {
  for (const classes of [2, 4]) {
    const { fit } = problem(37, classes);
    const stopOf = async (choices: SolverChoices) => (await fit(gpu, [30], choices))[0]!.stop;
    assert.equal(await stopOf({ patience: 2 }), "validation");
    assert.equal(await stopOf({ patience: 4, maxIterations: 2 }), "steps");
    assert.equal(await stopOf({ patience: 2, iterate: "converged" }), "converged");
  }
  const [exact] = await problem(37, 2).fit(gpu, [30], { iterate: "converged", tolerance: 0 });
  // Rounding can make the bound the objective itself.
  assert.equal(exact!.stop, exact!.gap === 0 ? "converged" : "precision");
  assert.ok(exact!.nIter < 200);
});

gpuTest("fitRegressions() takes a choice that is undefined for one not made", async (gpu) => {
  for (const [cols, C] of [[37, 30], [4099, 1]] as const) {
    const { fit } = problem(cols, 2);
    const names = ["tolerance", "maxIterations", "patience", "iterate"];
    const none: SolverChoices = Object.fromEntries(names.map((name) => [name, undefined]));
    assert.deepEqual(await fit(gpu, [C], none), await fit(gpu, [C], {}));
  }
});

gpuTest("fitRegressions() has both iterates of more columns than one Gram matrix", async (gpu) => {
  const { splits, fit } = problem(4099, 2);
  for (const iterate of ["best", "converged"] as const) {
    const [regression] = await fit(gpu, [1], { iterate });
    const { validation, test } = splits;
    assert.equal(regression!.validation, accuracy(regression!, validation.x, validation.labels));
    assert.equal(regression!.test, accuracy(regression!, test.x, test.labels));
    if (iterate === "converged") assert.ok(regression!.gap <= 1e-3, regression!.stop);
  }
});

gpuTest("fitRegressions() pays no heed to patience where the optimum is asked for", async (gpu) => {
  const { fit } = problem(37, 2);
  const [patient, impatient] = await Promise.all(
    [{}, { patience: 1 }].map((more) => fit(gpu, [30], { iterate: "converged", ...more })),
  );
  assert.deepEqual(impatient, patient);
});

gpuTest(
  "fitProbes() and integrate() refuse features of other texts, and no choices",
  (gpu) =>
    withFolder(async (folder) => {
      const { dataset } = problem(5, 2);
      const storeOf = (datasetSha256: string) =>
        openStore(folder, { ...key, datasetSha256, pools: [], rows });
      const [other, own] = [await storeOf("other"), await storeOf(dataset.sha256)];
      const state = { name: "hidden.0", stack: 0, site: "hidden", layer: 0, width: 5 } as const;
      const options = { states: [state], pools: ["mean"] } as const;
      const altered = { ...dataset, test: dataset.validation };
      for (
        const [store, given, message] of [
          [other, dataset, /^SpindleError: Cannot fit the features in .* made from other texts/],
          [own, altered, /^SpindleError: Cannot use the data set "chance" as its sha256 is not /],
        ] as const
      ) {
        await assert.rejects(fitProbes(gpu, store, given, options), message);
        await assert.rejects(integrate(gpu, store, given, []), message);
      }
      await assert.rejects(
        integrate(gpu, own, dataset, [], { C: [] }),
        /^SpindleError: Cannot fit without a C: give one at least$/,
      );
      await assert.rejects(
        integrate(gpu, own, dataset, [], { etas: [] }),
        /^SpindleError: Cannot select neurons without an eta: give one at least$/,
      );
      await assert.rejects(
        fitProbes(gpu, own, dataset, { ...options, C: [] }),
        /^SpindleError: Cannot fit without a C: give one at least$/,
      );
      const number = 1 as unknown as number[];
      for (
        const fit of [
          () => fitProbes(gpu, own, dataset, { ...options, C: number }),
          () => fitProbes(gpu, own, dataset, { ...options, states: "hidden.0" as unknown as [] }),
          () => fitProbes(gpu, own, dataset, { ...options, pools: "mean" as unknown as [] }),
          () => integrate(gpu, own, dataset, [], { C: number }),
          () => integrate(gpu, own, dataset, [], { etas: number }),
          () => integrate(gpu, own, dataset, undefined as unknown as []),
        ]
      ) {
        await assert.rejects(fit, /^SpindleError: Cannot use .+ for the .+: a list is needed$/);
      }
      for (const none of [{ states: [] }, { pools: [] }]) {
        await assert.rejects(
          fitProbes(gpu, own, dataset, { ...options, ...none }),
          /^SpindleError: Cannot fit probes without a state and a pool: give one of each at least$/,
        );
      }
    }),
);

gpuTest("fitRegressions() refuses a patience that is none", async (gpu) => {
  const { fit } = problem(7, 2);
  for (const patience of [NaN, -1, 0, 1.5]) {
    await assert.rejects(fit(gpu, [1], { patience }), {
      name: "SpindleError",
      message:
        `Cannot solve with a patience of ${patience}: a whole number of steps from 1 on is ` +
        "needed",
    });
  }
  const [regression] = await fit(gpu, [1], { patience: Infinity });
  assert.equal(regression!.stop, "converged");
});

gpuTest("fitRegressions() refuses an iterate that there is none of", async (gpu) => {
  const { fit } = problem(7, 2);
  await assert.rejects(fit(gpu, [1], { iterate: "last" as Iterate }), (error) => {
    assert.ok(error instanceof SpindleError);
    assert.equal(error.message, `Cannot use the iterate "last": "best" or "converged" is needed`);
    return true;
  });
});
