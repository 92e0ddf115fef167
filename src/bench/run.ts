import type { Gpu } from "../gpu/device.ts";
import { tuningOf } from "../gpu/tuning.ts";
import type { KernelName, Problem } from "../measure/problem.ts";
import { startStopwatch } from "../measure/stopwatch.ts";
import { tuneOnFirstUse } from "../tuning/first_use.ts";
import { attentionProblem, attentionShapes } from "./attention.ts";
import type { BenchDocument, BenchResult, PeerResult } from "./document.ts";
import { logisticProblem } from "./logistic.ts";
import { matmulProblem, matmulShapes } from "./matmul.ts";
import { type Bench, bestPeak, measureProblem, notePeak } from "./measure.ts";
import { type ForwardOptions, measureForward } from "./measure_forward.ts";
import { normProblem } from "./norm.ts";
import { createPeakKernels } from "./peak.ts";
import { measureAttentionPeers, measureMatmulPeers } from "./peers/measure_peers.ts";
import { poolProblem } from "./pool.ts";
import { tuneKernels } from "./tune.ts";

/** What to measure, and how. */
interface BenchOptions {
  readonly kernels: readonly KernelName[];
  readonly rounds: number;
  /** Whether other libraries are measured as well. */
  readonly peers: boolean;
  readonly forward: ForwardOptions;
  /** Whether the variants of the hot kernels are timed first, and the fastest remembered. */
  readonly tune: boolean;
  /** Is told what is measured next. */
  onProgress?(what: string): void;
}

/** The problems of each kernel, made when they are measured; a ladder goes with the first shape. */
const problems: Readonly<Record<Exclude<KernelName, "forward">, ((gpu: Gpu) => Problem)[]>> = {
  matmul: matmulShapes.map((shape, i) => (gpu) => matmulProblem(gpu, shape, i === 0)),
  attention: attentionShapes.map((shape, i) => (gpu) => attentionProblem(gpu, shape, i === 0)),
  norm: [(gpu) => normProblem(gpu, 2048, 384)],
  pool: [(gpu) => poolProblem(gpu, 64, 2048, 1536)],
  logistic: [(gpu) => logisticProblem(gpu, 8192, 768, 64)],
};

/** Measures kernels: each is compared with float64 first, and a wrong one is not timed. */
export async function runBench(gpu: Gpu, options: BenchOptions): Promise<BenchDocument> {
  using peaks = createPeakKernels(gpu);
  using stopwatch = await startStopwatch(gpu, peaks.arithmetic.record);
  const peakRates = { arithmetic: [], copy: [] };
  const { rounds } = options;
  const bench: Bench = { gpu, stopwatch, peaks, rounds, peakRates };
  await measurePeaks(bench);
  const results: BenchResult[] = [];
  const peers: PeerResult[] = [];
  if (options.tune) {
    options.onProgress?.("variants of the kernels");
    const { results: timed, tuning, file } = await tuneKernels(gpu, bench);
    results.push(...timed);
    const choices = Object.entries(tuning).map(([kernel, variant]) => `${kernel} ${variant}`);
    options.onProgress?.(`${file ?? "this run alone"} now says ${choices.join(", ")}`);
  } else await tuneOnFirstUse(gpu);
  for (const kernel of options.kernels) {
    options.onProgress?.(kernel);
    if (kernel === "forward") {
      const measured = await measureForward(gpu, bench, {
        ...options.forward,
        onProgress: options.onProgress,
      });
      results.push(...measured.results);
      peers.push(...measured.peers);
      continue;
    }
    for (const create of problems[kernel]) {
      using problem = create(gpu);
      results.push(...await measureProblem(bench, problem));
    }
    if (options.peers) peers.push(...await measurePeers(gpu, bench, kernel, options.onProgress));
  }
  await measurePeaks(bench);
  return {
    device: describeDevice(gpu, stopwatch.clock),
    peak: { gflops: bestPeak(bench, "arithmetic"), gbps: bestPeak(bench, "copy") },
    rounds,
    results,
    peers,
  };
}

/** Other libraries beside the kernels that they have. */
async function measurePeers(
  gpu: Gpu,
  bench: Bench,
  kernel: KernelName,
  onProgress: BenchOptions["onProgress"],
): Promise<PeerResult[]> {
  const peers: PeerResult[] = [];
  for (const shape of kernel === "matmul" ? matmulShapes : []) {
    onProgress?.(`matmul ${shape.join(" x ")} beside peers`);
    peers.push(...await measureMatmulPeers(gpu, bench, shape));
  }
  for (const shape of kernel === "attention" ? attentionShapes : []) {
    onProgress?.(`attention ${Object.values(shape).join(" x ")} beside peers`);
    peers.push(...await measureAttentionPeers(gpu, bench, shape));
  }
  return peers;
}

function describeDevice(gpu: Gpu, clock: Bench["stopwatch"]["clock"]): BenchDocument["device"] {
  return {
    ...gpu.adapter,
    lanes: gpu.lanes,
    storage: gpu.storage,
    processors: navigator.hardwareConcurrency,
    deno: Deno.version.deno,
    clock,
    tuning: tuningOf(gpu) ?? {},
  };
}

/**
 * Runs the peak kernels a few times: before and after all others, for devices do not stay alike.
 */
async function measurePeaks(bench: Bench): Promise<void> {
  const { stopwatch, peaks } = bench;
  for (const name of ["arithmetic", "copy"] as const) {
    const { record } = peaks[name];
    await stopwatch.time(record, 1); // compiles
    for (let i = 0; i < 3; i++) notePeak(bench, name, [await stopwatch.time(record, 3)]);
  }
}
