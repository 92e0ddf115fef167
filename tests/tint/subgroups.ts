import { attentionProblem } from "../../src/bench/attention.ts";
import { logisticProblem } from "../../src/bench/logistic.ts";
import { matmulProblem } from "../../src/bench/matmul.ts";
import { nothing } from "../../src/bench/overhead.ts";
import { createPeakKernels } from "../../src/bench/peak.ts";
import { Gpu } from "../../src/gpu/device.ts";
import { createMatrix } from "../../src/gpu/matrix.ts";
import { createStorage } from "../../src/gpu/memory.ts";
import { readMatrix } from "../../src/gpu/read_matrix.ts";
import { Recorder } from "../../src/gpu/recorder.ts";
import { attentionVariantsProblem } from "../../src/measure/attention_problem.ts";
import { marginsProblem } from "../../src/measure/margins_problem.ts";
import type { Problem } from "../../src/measure/problem.ts";
import { gatherColumns } from "../../src/ops/gather_columns.ts";
import { tileProblem } from "../../src/tuning/contests.ts";
import { requestGpu } from "../../src/tuning/request.ts";

/** The kernels that other adapters' subgroups would be given are compiled, for they cannot run. */
for (const lanes of [8, 16]) {
  Deno.test(`kernels for subgroups of ${lanes} compile`, async () => {
    const { device, adapter, features } = await requestGpu();
    using gpu = new Gpu(device, adapter, features, lanes, true, "buffer");
    using owned = new DisposableStack();
    const heads = { sentences: 1, heads: 2, headWidth: 8 };
    const problems: Problem[] = [
      attentionProblem(gpu, { ...heads, tokens: 37 }, true),
      attentionVariantsProblem(gpu, { ...heads, tokens: 37 }),
      attentionVariantsProblem(gpu, { ...heads, tokens: 130 }),
      matmulProblem(gpu, [37, 53, 13], true),
      tileProblem(gpu, "few", [37, 53, 13]),
      tileProblem(gpu, "many", [37, 53, 13]),
      logisticProblem(gpu, 37, 13, 20),
      marginsProblem(gpu, 37, 13, 20),
    ];
    using recorder = new Recorder(gpu);
    for (const problem of problems) {
      for (const { record } of owned.use(problem).variants) record(recorder);
    }
    await device.queue.onSubmittedWorkDone();
    gpu.check();
  });
}

Deno.test("the kernels that measure a device, and the one that gathers columns, compile", async () => {
  using gpu = await requestGpu();
  using peaks = createPeakKernels(gpu);
  using x = createMatrix(gpu, 3, 8);
  using gathered = createMatrix(gpu, 3, 4);
  using columns = createStorage(gpu, 16, "columns");
  using recorder = new Recorder(gpu);
  for (const { record } of [peaks.arithmetic, peaks.copy]) record(recorder);
  gatherColumns(recorder, x, gathered, columns, 0);
  recorder.dispatch(nothing);
  recorder.submit();
  await readMatrix(gathered);
});
