import assert from "node:assert/strict";
import { fitLogistic } from "../../src/probe/logistic.ts";
import { featuresOf } from "../../src/probe/standardize.ts";
import type { Features } from "../../src/features/store.ts";
import type { LogisticModel } from "../../src/probe/logistic.ts";
import { predictLogistic } from "../../src/spin/predict_logistic.ts";
import { gpuTest } from "../gpu.ts";
import { assertClose, randomNumbers } from "../numbers.ts";

const [rows, cols] = [37, 5];
const x = randomNumbers(rows * cols, 1).map((value) => value + 3);
const fresh = randomNumbers(13 * cols, 2).map((value) => value + 3);

for (const names of [[-1, 4], [2, 5, 9]]) {
  gpuTest(`predictLogistic() says of ${names.length} classes what the logits say`, async (gpu) => {
    const y = Array.from({ length: rows }, (_, row) => {
      const values = names.map((_, c) => x[row * cols + c]!);
      return names[values.indexOf(Math.max(...values))]!;
    });
    const [model] = await fitLogistic(gpu, x, y, { C: [10] });
    const { coef, intercept } = model!;
    const expected = Array.from({ length: 13 }, (_, row) => {
      const shares = Array.from(intercept, (shift, k) => {
        let logit = shift;
        for (let j = 0; j < cols; j++) logit += coef[k * cols + j]! * fresh[row * cols + j]!;
        return 1 / (1 + Math.exp(-logit));
      });
      if (names.length === 2) return [1 - shares[0]!, shares[0]!];
      const sum = shares.reduce((a, b) => a + b);
      return shares.map((share) => share / sum);
    });
    const { labels, probabilities } = await predictLogistic(gpu, model!, fresh);
    assertClose(probabilities, expected.flat(), 1e-5, "probabilities");
    assert.deepEqual(labels, expected.map((each) => names[each.indexOf(Math.max(...each))]));
    assert.ok(new Set(labels).size > 1);
    const read = await predictLogistic(gpu, model!, featuresOf(fresh, 13));
    assert.deepEqual(read, { labels, probabilities });
    const besideLarge = new Float32Array([...fresh, 1e9, 0, -1e12, 1e6, 3]);
    const beside = await predictLogistic(gpu, model!, besideLarge);
    assertClose(
      beside.probabilities.subarray(0, probabilities.length),
      probabilities,
      1e-5,
      "probabilities beside a row of large numbers",
    );
    const odd = [fresh.subarray(1), new Float32Array(), [1, 2, 3, 4, 5], undefined];
    for (const wrong of [...odd, featuresOf(fresh.subarray(0, 12), 3)]) {
      await assert.rejects(predictLogistic(gpu, model!, wrong as Float32Array), {
        name: "SpindleError",
        message: "Cannot predict with a model of 5 columns: give a Float32Array of whole rows of " +
          "them, or features that are read",
      });
    }
    const broken = [{ coef: model!.coef.with(0, NaN) }, { classes: [1] }, { intercept: undefined }];
    for (const change of [...broken, { coef: new Float32Array() }]) {
      await assert.rejects(
        predictLogistic(gpu, { ...model!, ...change } as LogisticModel, fresh),
        /^SpindleError: Cannot predict with what is no model of fitLogistic: give one$/,
      );
    }
    const unread = { rows: 1, cols: 5 } as Features;
    await assert.rejects(
      predictLogistic(gpu, model!, unread),
      /^SpindleError: Cannot predict with/,
    );
    await assert.rejects(
      predictLogistic(gpu, model!, Float32Array.of(1, 2, NaN, 4, 5)),
      /^SpindleError: Cannot .+ NaN/,
    );
  });
}
