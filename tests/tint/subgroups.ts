import { attentionProblem } from "../../src/bench/attention.ts";
import { logisticProblem } from "../../src/bench/logistic.ts";
import { matmulProblem } from "../../src/bench/matmul.ts";
import { Gpu } from "../../src/gpu/device.ts";
import { requestGpu } from "../../src/gpu/request.ts";
import { Recorder } from "../../src/gpu/recorder.ts";

/** The kernels that other adapters' subgroups would be given are compiled, for they cannot run. */
for (const lanes of [8, 16]) {
  Deno.test(`kernels for subgroups of ${lanes} compile`, async () => {
    const { device, adapter, features } = await requestGpu();
    using gpu = new Gpu(device, adapter, features, lanes, true, "buffer");
    using attention = attentionProblem(
      gpu,
      { sentences: 1, tokens: 37, heads: 2, headWidth: 8 },
      true,
    );
    using matmul = matmulProblem(gpu, [37, 53, 13], true);
    using logistic = logisticProblem(gpu, 37, 13, 20);
    const recorder = new Recorder(gpu);
    for (const { variants } of [attention, matmul, logistic]) {
      for (const { record } of variants) record(recorder);
    }
    await device.queue.onSubmittedWorkDone();
    gpu.check();
  });
}
