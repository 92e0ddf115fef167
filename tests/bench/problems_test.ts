import assert from "node:assert/strict";
import { attentionProblem } from "../../src/bench/attention.ts";
import { logisticProblem } from "../../src/bench/logistic.ts";
import { matmulProblem } from "../../src/bench/matmul.ts";
import { normProblem } from "../../src/bench/norm.ts";
import { poolProblem } from "../../src/bench/pool.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { StorageBuffer } from "../../src/gpu/memory.ts";
import { Recorder } from "../../src/gpu/recorder.ts";
import { largestError } from "../../src/measure/difference.ts";
import { type Problem, runOnce, type Variant } from "../../src/measure/problem.ts";
import { equalVariants } from "../../src/tuning/choice.ts";
import { tileProblem } from "../../src/tuning/contests.ts";
import { gpuTest } from "../gpu.ts";
import { DispatchLog } from "../gpu/dispatch_log.ts";

async function check(gpu: Gpu, problem: Problem): Promise<void> {
  using _owned = problem;
  const expected = problem.expected();
  for (const variant of problem.variants) {
    const error = largestError(await runOnce(gpu, variant), expected);
    assert.ok(error <= problem.bound, `${problem.kernel}, ${variant.name}: error ${error}`);
  }
}

gpuTest("each step of the matmul ladder multiplies, whatever the shape", async (gpu) => {
  await check(gpu, matmulProblem(gpu, [37, 53, 130], true));
  await check(gpu, matmulProblem(gpu, [130, 7, 13], true));
});

gpuTest("each tile of the linear layer multiplies, whatever the shape", async (gpu) => {
  await check(gpu, tileProblem(gpu, "few", [37, 53, 130]));
  await check(gpu, tileProblem(gpu, "many", [130, 7, 13]));
});

gpuTest("each step of the attention ladder attends, whatever the length", async (gpu) => {
  await check(
    gpu,
    attentionProblem(gpu, { sentences: 3, tokens: 37, heads: 3, headWidth: 12 }, true),
  );
  await check(
    gpu,
    attentionProblem(gpu, { sentences: 2, tokens: 7, heads: 1, headWidth: 4 }, true),
  );
});

gpuTest("norm, pool and logistic problems expect what the kernels compute", async (gpu) => {
  await check(gpu, normProblem(gpu, 13, 37));
  await check(gpu, poolProblem(gpu, 7, 130, 36));
  await check(gpu, logisticProblem(gpu, 130, 37, 20));
});

gpuTest("kernels tell the operations that they take", (gpu) => {
  const attended = { sentences: 3, tokens: 37, heads: 3, headWidth: 12 };
  for (
    const create of [
      () => matmulProblem(gpu, [36, 52, 132], false),
      () => attentionProblem(gpu, attended, false),
      () => logisticProblem(gpu, 132, 36, 32),
    ]
  ) {
    using problem = create();
    using log = new DispatchLog();
    using recorder = new Recorder(gpu);
    problem.variants[0]!.record(recorder);
    assert.deepEqual({ flops: log.operations() }, problem.work);
  }
  return Promise.resolve();
});

gpuTest("what writes nothing is wrong, whatever ran before it", async (gpu) => {
  using problem = tileProblem(gpu, "many", [37, 53, 130]);
  const [right] = problem.variants;
  const { output } = right!;
  assert.ok(!(output instanceof StorageBuffer));
  const idle: Variant = {
    name: "idle",
    output,
    record: (recorder) =>
      recorder.dispatch({
        label: "idle",
        code: "@compute @workgroup_size(1) fn main() {\n" +
          "  if (params.rows == 0u) { store_y(0u, 0u, vec4f(0.0)); }\n}",
        writes: { y: output },
        writtenRows: output.rows,
        uints: { rows: output.rows },
        workgroups: [1],
      }),
  };
  const expected = problem.expected();
  assert.ok(largestError(await runOnce(gpu, right!), expected) <= problem.bound);
  assert.equal(largestError(await runOnce(gpu, idle), expected), Infinity);
  const equal = await equalVariants(gpu, { ...problem, variants: [right!, idle, right!] });
  assert.deepEqual(equal.map(({ name }) => name), [right!.name, right!.name]);
  const near: Variant = { ...right!, name: "near", pick: (y) => y.with(0, y[0]! * (1 + 2 ** -22)) };
  const same = await equalVariants(gpu, { ...problem, variants: [right!, near] });
  assert.deepEqual(same.map(({ name }) => name), [right!.name], "a bit is a difference");
  assert.deepEqual(await equalVariants(gpu, { ...problem, variants: [idle, idle] }), []);
});
