import assert from "node:assert/strict";
import { bySplit, type Dataset, type SplitName, splitNames } from "../../src/data/dataset.ts";
import { makeDataset } from "../../src/data/make_dataset.ts";
import { SplitWriter } from "../../src/features/split_writer.ts";
import type { FeatureStore } from "../../src/features/store.ts";
import type { StateId } from "../../src/model/states.ts";
import { accuracy, predictClasses } from "../../src/probe/fit.ts";
import { type Head, integrate } from "../../src/spin/integrate.ts";
import { fitProbes, type StateProbes } from "../../src/spin/probes.ts";
import { selectNeurons } from "../../src/spin/select.ts";
import { key, openStore } from "../features/support.ts";
import { withFolder } from "../folder.ts";
import { gpuTest } from "../gpu.ts";
import { randomNumbers } from "../numbers.ts";

const rows = { train: 90, validation: 41, test: 37 };
const states: StateId[] = [7, 5, 6].map((width, layer) => (
  { name: `hidden.${layer}`, stack: 0, site: "hidden", layer, width }
));
const pools = ["max", "mean"] as const;

/** Each state's numbers of a split: those of the max pool, then those of the mean pool. */
function numbersOf(split: SplitName): Float32Array[] {
  return states.map(({ width, layer }) =>
    randomNumbers(2 * rows[split] * width, 10 * layer + splitNames.indexOf(split))
  );
}

/** A data set whose classes show in a neuron of every layer. */
function datasetOf(numbers: Record<SplitName, Float32Array[]>, classes: number): Dataset {
  const split = (name: SplitName) => {
    const labels = Int32Array.from({ length: rows[name] }, (_, row) => {
      const at = (layer: number, c: number) => {
        const { width } = states[layer]!;
        return numbers[name][layer]![(rows[name] + row) * width + (c + layer) % width]!;
      };
      const scores = Array.from({ length: classes }, (_, c) => at(0, c) + at(1, c) + at(2, c));
      return scores.indexOf(Math.max(...scores));
    });
    return { texts: Array.from(labels, (_, row) => `${name} ${row}`), labels };
  };
  return makeDataset({
    name: "numbers",
    classes: Array.from({ length: classes }, (_, c) => `class ${c}`),
    ...bySplit(split),
  });
}

/** Writes the numbers as features of a data set. */
async function writeStore(
  folder: string,
  datasetSha256: string,
  numbers: Record<SplitName, Float32Array[]>,
): Promise<FeatureStore> {
  const store = await openStore(folder, { ...key, datasetSha256, pools, rows });
  for (const split of splitNames) {
    using writer = new SplitWriter(store, split, states);
    const poolsOf = (each: Float32Array) =>
      [0, 1].map((p) => each.subarray(p * each.length / 2, (p + 1) * each.length / 2));
    writer.write(numbers[split].map(poolsOf), rows[split]);
    await writer.finish();
  }
  return store;
}

/** The share of rows that a head gets right from the neurons that it names, in float64. */
function scoreOf(
  { coef, intercept, neurons, pool }: Head,
  numbers: Float32Array[],
  labels: Int32Array,
): number {
  const count = coef.length / intercept.length;
  const logits = Array.from(labels, (_, row) => {
    const x = neurons.flatMap(({ state: { width, layer }, indices }) =>
      Array.from(
        indices,
        (index) =>
          numbers[layer]![(pools.indexOf(pool as "max") * labels.length + row) * width + index]!,
      )
    );
    return Array.from(
      intercept,
      (shift, k) => x.reduce((sum, value, i) => sum + coef[k * count + i]! * value, shift),
    );
  });
  return accuracy(predictClasses(logits.flat(), intercept.length), labels);
}

gpuTest(
  "integrate() fits each head to the neurons that it names",
  (gpu) =>
    withFolder(async (folder) => {
      const numbers = bySplit(numbersOf);
      for (const classes of [2, 3]) {
        const dataset = datasetOf(numbers, classes);
        const store = await writeStore(folder, dataset.sha256, numbers);
        const probes = await fitProbes(gpu, store, dataset, { states, pools, C: [1, 0.1] });
        for (const { probes: each, best } of probes) {
          assert.deepEqual(each.map(({ C }) => C), [0.1, 1]);
          assert.equal(best, each[each[1]!.validation > each[0]!.validation ? 1 : 0]);
        }
        const etas = [0.2, 0.9, 0.6];
        const given = structuredClone(dataset);
        const fitting = integrate(gpu, store, given, probes, { etas, C: [10, 1] });
        for (const split of splitNames) given[split].labels.fill(0); // too late to matter
        const heads = await fitting;
        assert.deepEqual(
          heads.map(({ pool, eta, layers, C }) => [pool, eta, layers, C]),
          pools.flatMap((pool) =>
            etas.flatMap((eta) =>
              [1, 2, 3].flatMap((layers) => [1, 10].map((C) => [pool, eta, layers, C]))
            )
          ),
        );
        for (const head of heads) {
          const { pool, eta, layers, neurons } = head;
          const selected = probes.filter((each) => each.pool === pool).slice(0, layers)
            .map(({ state, best }) => ({
              state,
              indices: selectNeurons(best.coef, state.width, eta),
            }));
          assert.deepEqual(neurons, selected);
          for (const split of ["validation", "test"] as const) {
            const score = scoreOf(head, numbers[split], dataset[split].labels);
            assert.equal(head[split], score, `${split} of ${[pool, eta, layers].join(" ")}`);
          }
        }
        const shuffled = [...probes.slice(1).reverse(), probes[0]!];
        assert.deepEqual(
          await integrate(gpu, store, dataset, shuffled, { etas, C: [10, 1] }),
          heads,
        );
        const refused = (given: readonly StateProbes[], message: string) =>
          assert.rejects(integrate(gpu, store, dataset, given), { name: "SpindleError", message });
        await refused([], "Cannot fit heads without probes: give those that fitProbes makes");
        await refused(
          [...probes, probes[2]!],
          "Cannot fit heads to the probes of hidden.1 (max pool) twice: give them once",
        );
        const read = heads.filter(({ layers, pool }) => layers === 3 && pool === "mean");
        assert.ok(read.some(({ validation }) => validation > 0.7), "the layers help each other");
      }
    }),
);
