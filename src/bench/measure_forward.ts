import type { Gpu } from "../gpu/device.ts";
import { type Contestant, contestantOf, roundRobin } from "../measure/contestant.ts";
import { summarize } from "../measure/numbers.ts";
import { timeHost, type Timing } from "../measure/stopwatch.ts";
import { loadModel } from "../model/load.ts";
import type { Capture, Model } from "../model/model.ts";
import type { BenchResult, PeerResult } from "./document.ts";
import {
  forwardBound,
  forwardError,
  forwardFlops,
  runForward,
  sampleSentences,
  sampleTokens,
  type Sentences,
} from "./forward.ts";
import { type Bench, notePeak, shareOfPeak } from "./measure.ts";
import { timeDispatch, timeOverhead } from "./overhead.ts";
import { peerResult, prepareForwardPeers, type ReadyEntry } from "./peers/measure_forward_peers.ts";
import { afterRest } from "./peers/rest.ts";

/** What the forward pass is measured on. */
export interface ForwardOptions {
  /** The folder of the bundled model. */
  readonly folder: string;
  readonly texts: readonly string[];
  /**
   * How many of the texts, evenly spread; where it is given, runs of far more tokens than those
   * have are left out.
   */
  readonly sentences?: number | undefined;
  /** The bytes of the same model as ONNX, for the peers; without it they are left out. */
  readonly onnx?: Uint8Array | undefined;
  /** Is told what is measured next. */
  readonly onProgress?: ((what: string) => void) | undefined;
}

/** How many sentences it runs on unless told. */
export const standardSentences = 256;

/** What is told of a pass that is wrong. */
const untimed = { correct: false, medianMs: NaN, bestMs: NaN, share: NaN };

/** Runs of so many tokens show what a run costs beside its tokens. */
const tokenCounts = [1_000, 10_000, 100_000];

/** Measures the forward pass, and where an ONNX file is given the peers in the same rounds. */
export async function measureForward(
  gpu: Gpu,
  bench: Bench,
  { folder, texts, sentences, onnx, onProgress }: ForwardOptions,
): Promise<{ results: BenchResult[]; peers: PeerResult[] }> {
  using model = await loadModel(gpu, folder);
  const all = model.tokenize(texts);
  const sample = sampleSentences(all, sentences ?? standardSentences);
  const name = `forward, ${sample.ids.length} sentences`;
  onProgress?.(`${name} against float64`);
  const what = {
    kernel: "forward" as const,
    variant: "hidden and activation; first, max, mean",
    shape: [sample.ids.length, sample.tokens],
    maxError: forwardError(model, sample, await runForward(model, sample)),
  };
  if (!(what.maxError <= forwardBound)) {
    return { results: [{ ...what, ...untimed }], peers: [] };
  }
  const { wall } = await timeHost(() => runForward(model, sample));
  const entries = onnx ? await prepareForwardPeers(model, sample, wall, onnx) : [];
  const ready = entries.filter((entry) => "peer" in entry);
  const contestants: Contestant[] = [
    await contestantOf(bench.stopwatch, bench.peaks.arithmetic.record),
    {
      run: told(name, bench.rounds, onProgress, () => timeHost(() => runForward(model, sample))),
    },
    ...ready.map(({ peer, part }): Contestant => ({
      run: () => timeHost(() => peer.time(part)),
      ...(part !== sample && { rounds: 2 }),
    })),
  ];
  const [peakTimes, ownTimes, ...times] = await roundRobin(afterRest(contestants), bench.rounds);
  for (const { peer } of ready) await peer.dispose();
  notePeak(bench, "arithmetic", peakTimes!);
  const own = { ...what, correct: true, ...ratesOf(bench, model, sample, ownTimes!, peakTimes!) };
  const peers = entries.map((entry) =>
    peerResult(model, sample, own.tokensPerSecond, entry, times[ready.indexOf(entry as ReadyEntry)])
  );
  const counts = sentences === undefined ? tokenCounts : countsNear(sample.tokens);
  const lengths = await measureLengths(gpu, bench, { model, all, counts, onProgress });
  return {
    results: [own, ...lengths.map((rates) => ({ ...what, ...rates }))],
    peers,
  };
}

/** The numbers of tokens that are not far more than a sample has. */
export function countsNear(tokens: number): number[] {
  return tokenCounts.filter((count) => count <= 10 * tokens);
}

/** What is run, saying before each time which round it is. */
function told<Measured>(
  what: string,
  rounds: number,
  onProgress: ForwardOptions["onProgress"],
  run: () => Promise<Measured>,
): () => Promise<Measured> {
  let round = 0;
  return () => {
    onProgress?.(`${what}, round ${++round} of ${rounds}`);
    return run();
  };
}

/** Sentences to make samples of, and of how many tokens. */
interface Lengths extends Pick<ForwardOptions, "onProgress"> {
  readonly model: Model;
  readonly all: readonly number[][];
  readonly counts: readonly number[];
}

/** Runs of other numbers of tokens, with how much of the time is overhead. */
async function measureLengths(
  gpu: Gpu,
  bench: Bench,
  { model, all, counts, onProgress }: Lengths,
): Promise<Omit<BenchResult, "kernel">[]> {
  if (bench.stopwatch.clock !== "timestamps") return [];
  const dispatchMs = await timeDispatch(bench.stopwatch);
  const rounds = Math.min(bench.rounds, 3);
  const samples = counts.map((count) => sampleTokens(all, count));
  const names = counts.map((count) => `about ${count.toLocaleString("en-US")} tokens`);
  const peak = await contestantOf(bench.stopwatch, bench.peaks.arithmetic.record);
  const errors: number[] = [];
  const contestants = samples.map((sample, i) => ({
    run: told(`forward, ${names[i]}`, rounds, onProgress, async () => {
      let captured: Capture;
      const timing = await timeOverhead(gpu, dispatchMs, async () => {
        captured = await runForward(model, sample);
      });
      errors[i] ??= forwardError(model, sample, captured!);
      return { ...timing, peak: await peak.run() };
    }),
  }));
  const times = await roundRobin(contestants, rounds);
  return samples.map((sample, i) => {
    const median = (of: "idle" | "dispatch") => summarize(times[i]!.map((t) => t[of])).median;
    const what = {
      variant: names[i]!,
      shape: [sample.ids.length, sample.tokens],
      maxError: errors[i]!,
    };
    if (!(what.maxError <= forwardBound)) return { ...what, ...untimed };
    return {
      ...what,
      correct: true,
      ...ratesOf(bench, model, sample, times[i]!, times[i]!.map(({ peak }) => peak)),
      overhead: { idle: median("idle"), dispatch: median("dispatch") },
    };
  });
}

type Rates = Pick<BenchResult, "medianMs" | "bestMs" | "gflops" | "share"> & {
  tokensPerSecond: number;
};

function ratesOf(
  bench: Bench,
  model: Model,
  sample: Sentences,
  times: readonly Timing[],
  peakTimes: readonly Timing[],
): Rates {
  const { median, best } = summarize(times.map(({ wall }) => wall));
  const flops = forwardFlops(model, sample);
  return {
    medianMs: median,
    bestMs: best,
    gflops: flops / median / 1e6,
    share: shareOfPeak(bench, flops, times, { peak: bench.peaks.arithmetic, peakTimes }),
    tokensPerSecond: 1000 * sample.tokens / median,
  };
}
