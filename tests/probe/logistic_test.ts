import assert from "node:assert/strict";
import type { Features } from "../../src/features/store.ts";
import { openSafetensors, readFloats, readIntegers } from "../../src/formats/safetensors.ts";
import { scales } from "../../src/probe/fit.ts";
import { fitLogistic, type LogisticOptions } from "../../src/probe/logistic.ts";
import { requestGpu } from "../../src/tuning/request.ts";
import { gpuTest } from "../gpu.ts";
import { randomNumbers } from "../numbers.ts";
import { sharedPath, sharedTest } from "../shared.ts";

/** Rows of three classes on columns of very different scales. */
function threeClasses(rows: number, cols: number) {
  const x = randomNumbers(rows * cols, 4).map((value, at) => value * 10 ** ((at % cols) % 5 - 2));
  const y = Array.from({ length: rows }, (_, row) => {
    const score = x[row * cols]! / 0.01 + 0.3 * Math.sin(row);
    return score < -0.3 ? -4 : score < 0.3 ? 2 : 9;
  });
  return { x, y };
}

/** The objective of one regression, with the penalty on raw or on standardised weights. */
function objective(
  x: Float32Array,
  y: readonly number[],
  coef: ArrayLike<number>,
  intercept: number,
  positive: number,
  C: number,
  { l1Ratio = 1, scale = "raw" }: LogisticOptions,
): number {
  const [rows, cols] = [y.length, coef.length];
  let sum = 0;
  y.forEach((label, row) => {
    let z = intercept;
    for (let j = 0; j < cols; j++) z += coef[j]! * x[row * cols + j]!;
    const against = label === positive ? -z : z;
    sum += C * (Math.max(against, 0) + Math.log1p(Math.exp(-Math.abs(against))));
  });
  for (let j = 0; j < cols; j++) {
    const values = Float64Array.from({ length: rows }, (_, row) => x[row * cols + j]!);
    const mean = values.reduce((a, b) => a + b) / rows;
    const sd = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / rows);
    const w = Math.abs(coef[j]!) * (scale === "raw" ? 1 : sd);
    sum += l1Ratio * w + (1 - l1Ratio) / 2 * w * w;
  }
  return sum;
}

for (const scale of scales) {
  for (const l1Ratio of [1, 0.4, 0]) {
    gpuTest(`fitLogistic() certifies a ${scale} penalty with l1Ratio ${l1Ratio}`, async (gpu) => {
      const { x, y } = threeClasses(97, 13);
      const options = { scale, l1Ratio, tolerance: 1e-5 };
      const models = await fitLogistic(gpu, x, y, { ...options, C: [0.3, 5] });
      for (const model of models) {
        assert.ok(model.converged);
        assert.deepEqual(model.classes, [-4, 2, 9]);
        model.certificates.forEach((certificate, k) => {
          const coef = model.coef.subarray(k * 13, (k + 1) * 13);
          const at = (shrunk: number) =>
            objective(
              x,
              y,
              coef.map((w) => w * shrunk),
              model.intercept[k]!,
              model.classes[k]!,
              model.C,
              options,
            );
          assert.ok(Math.abs(certificate.objective / at(1) - 1) < 5e-6);
          for (const shrunk of [0.99, 1.01]) assert.ok(at(shrunk) >= at(1) * (1 - 1.2e-5));
        });
      }
    });
  }
}

gpuTest("fitLogistic() finds the all-zero optimum of five rows", async (gpu) => {
  const x = Float32Array.of(1, 2, 3, 4, 1, 0, 2, 2, 3, 1, 0, 4, 2, 5, 1);
  const [model] = await fitLogistic(gpu, x, [0, 1, 0, 1, 1], { C: [0.01] });
  assert.deepEqual([...model!.coef], [0, 0, 0]);
  assert.ok(Math.abs(model!.intercept[0]! - Math.log(3 / 2)) < 1e-5);
});

for (const cols of [13, 4099]) {
  gpuTest(`fitLogistic() fits the ${cols} columns as they were when it was called`, async (gpu) => {
    const { x, y } = threeClasses(40, cols);
    const options = { C: [1, 0.5] };
    const expected = await fitLogistic(gpu, x, y, options);
    const [ownX, ownY] = [x.slice(), [...y]];
    const models = fitLogistic(gpu, ownX, ownY, options);
    ownX.fill(0);
    ownY.fill(2);
    assert.deepEqual(await models, expected);
  });
}

gpuTest("fitLogistic() refuses labels that do not fit", async (gpu) => {
  const x = new Float32Array(12);
  await assert.rejects(fitLogistic(gpu, x, [0, 1, 0, 1, 1]), /12 features to 5 labels/);
  await assert.rejects(fitLogistic(gpu, x, [3, 3, 3]), /1 class: two are needed/);
  for (const none of [undefined, 3] as unknown as number[][]) {
    await assert.rejects(fitLogistic(gpu, x, none), /^SpindleError: Cannot use .+ for the labels/);
  }
  for (const label of [0.5, NaN, undefined, 2n as unknown as number]) {
    await assert.rejects(
      fitLogistic(gpu, x, [0, 1, label as number]),
      new RegExp(`the label ${label}: labels are whole numbers`),
    );
  }
});

gpuTest("fitLogistic() refuses features of another type, and rows without columns", async (gpu) => {
  const types = { Float64Array: new Float64Array(2), Int32Array: new Int32Array(2), Array: [1, 2] };
  for (const [type, x] of Object.entries({ ...types, Undefined: undefined, Object: { rows: 2 } })) {
    await assert.rejects(fitLogistic(gpu, x as unknown as Float32Array, [0, 1]), {
      name: "SpindleError",
      message:
        `Cannot fit features in ${type}: a Float32Array is needed, or features that are read`,
    });
  }
  for (const wide of [false, true]) {
    const cols = wide ? 4099 : 2;
    const features: unknown = { rows: 2, cols, read: () => new Float64Array(2 * cols) };
    await assert.rejects(
      fitLogistic(gpu, features as Features, [0, 1]),
      /^SpindleError: Cannot use the features as they are read as Float64Array: a Float32Array is/,
    );
  }
  const refusal = /^SpindleError: Cannot fit rows of (0|-1|1\.5|NaN) features: give at least one/;
  await assert.rejects(fitLogistic(gpu, new Float32Array(), [0, 1]), refusal);
  for (const cols of [-1, 1.5, NaN]) {
    const features = { rows: 2, cols, read: () => new Float32Array() };
    await assert.rejects(fitLogistic(gpu, features, [0, 1]), refusal);
  }
});

gpuTest("fitLogistic() refuses penalties and limits that are none", async (gpu) => {
  const refuses = async (options: LogisticOptions, message: RegExp) => {
    await assert.rejects(fitLogistic(gpu, new Float32Array(12), [0, 1, 1], options), message);
  };
  for (const C of [0, -1, NaN, Infinity, "1" as unknown as number]) {
    await refuses({ C: [C] }, /with C .+: a finite number above 0 is needed/);
  }
  await refuses({ C: [] }, /without a C: give one at least/);
  await refuses({ C: 1 as unknown as number[] }, /^SpindleError: Cannot use 1 for the values of C/);
  for (const tolerance of [-1, NaN]) await refuses({ tolerance }, /to a tolerance of/);
  for (const maxIterations of [0, -1, 1.5, NaN]) {
    await refuses({ maxIterations }, /iterations: a whole number from 1 on/);
  }
});

gpuTest("fitLogistic() takes no more steps than it may", async (gpu) => {
  const [rows, cols] = [60, 9];
  const y = Array.from({ length: rows }, (_, row) => Number(row % 3 === 0));
  const x = randomNumbers(rows * cols, 3);
  for (const maxIterations of [1, 2, 3]) {
    const [model] = await fitLogistic(gpu, x, y, { C: [100], tolerance: 0, maxIterations });
    assert.ok(model!.nIter <= maxIterations && !model!.converged);
  }
});

gpuTest("fitLogistic() names a column whose weight float32 cannot hold", async (gpu) => {
  const y = [0, 1, 0, 0, 1, 0, 1, 1];
  const x = Float32Array.from(y.flatMap((label, row) => [row % 2, 1e-39 * label]));
  await assert.rejects(
    fitLogistic(gpu, x, y, { scale: "standardized", C: [1] }),
    /^SpindleError: Cannot fit column 1 as its standard deviation of 5.0e-40 takes a weight that/,
  );
  const [raw] = await fitLogistic(gpu, x, y, { C: [1] });
  assert.ok(raw!.converged && raw!.coef[1] === 0);
});

Deno.test("fitLogistic() says in `converged` alone that it did not converge", async () => {
  const code = `
    import { fitLogistic, requestGpu } from "./mod.ts";
    using gpu = await requestGpu();
    const x = Float32Array.of(0, 1, 1, 1, 2, 0, 3, 0, 4, 1, 5, 0);
    const options = { C: [100], tolerance: 0, maxIterations: 1 };
    const [model] = await fitLogistic(gpu, x, [0, 0, 1, 0, 1, 1], options);
    console.log(String(model!.converged));`;
  const root = new URL("../..", import.meta.url);
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "-q", code],
    cwd: root,
  }).output();
  const decoder = new TextDecoder();
  assert.deepEqual([decoder.decode(stdout), decoder.decode(stderr)], ["false\n", ""]);
});

sharedTest(
  "fitLogistic() reaches the certified optima of six classes",
  ["solver/trec-6.safetensors"],
  async () => {
    using gpu = await requestGpu();
    using file = openSafetensors(sharedPath("solver/trec-6.safetensors"));
    const optima = new Float64Array(file.readBytes("objective").buffer);
    const models = await fitLogistic(gpu, readFloats(file, "x"), readIntegers(file, "y"), {
      C: [...readFloats(file, "c")],
    });
    models.flatMap(({ certificates }) => certificates).forEach((certificate, i) => {
      const above = certificate.objective / optima[i]! - 1;
      assert.ok(certificate.converged);
      assert.ok(Math.abs(above) <= 1e-4, `fit ${i} is ${above} above its optimum`);
    });
  },
);
