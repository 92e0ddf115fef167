import type { Gpu } from "../gpu/device.ts";
import { loadModel, type Model } from "../model/model.ts";
import type { BenchResult, PeerResult } from "./document.ts";
import {
  forwardBound,
  forwardError,
  forwardFlops,
  runForward,
  sampleSentences,
  type Sentences,
} from "./forward.ts";
import {
  type Bench,
  comparableMs,
  type Contestant,
  contestantOf,
  notePeak,
  roundRobin,
} from "./measure.ts";
import { summarize } from "./numbers.ts";
import { largestError } from "./problem.ts";
import { forwardPeers, prepareForward, type ReadyForward } from "./peers/forward_peers.ts";
import { reasonOf } from "./peers/measure_peers.ts";
import { timeHost } from "./stopwatch.ts";

/** What the forward pass is measured on. */
export interface ForwardOptions {
  /** The folder of the bundled model. */
  readonly folder: string;
  readonly texts: readonly string[];
  /** How many of the texts, evenly spread. */
  readonly sentences: number;
  /** The bytes of the same model as ONNX, for the peers; without it they are left out. */
  readonly onnx?: Uint8Array | undefined;
}

/** A peer runs no more of the sentences than it can in about this time, in milliseconds. */
const peerBudget = 10_000;

/** Measures the forward pass, and where an ONNX file is given the peers in the same rounds. */
export async function measureForward(
  gpu: Gpu,
  bench: Bench,
  { folder, texts, sentences, onnx }: ForwardOptions,
): Promise<{ results: BenchResult[]; peers: PeerResult[] }> {
  using model = await loadModel(gpu, folder);
  const sample = sampleSentences(model.tokenize(texts), sentences);
  const shape = [sample.ids.length, sample.tokens];
  const what = {
    kernel: "forward" as const,
    variant: "hidden and activation; first, max, mean",
    shape,
    maxError: await forwardError(model, sample),
  };
  if (!(what.maxError <= forwardBound)) {
    const nothing = { medianMs: NaN, bestMs: NaN, share: NaN };
    return { results: [{ ...what, correct: false, ...nothing }], peers: [] };
  }
  await runForward(model, sample); // compiles
  const entries = onnx ? await preparePeers(model, sample, onnx) : [];
  const ready = entries.filter((entry) => "peer" in entry);
  const contestants: Contestant[] = [
    await contestantOf(bench.stopwatch, bench.peaks.arithmetic.record),
    { run: () => timeHost(() => runForward(model, sample)) },
    ...ready.map(({ peer, part }) => ({
      run: () => timeHost(() => peer.time(part)),
    })),
  ];
  const [peakTimes, ownTimes, ...times] = await roundRobin(contestants, bench.rounds);
  for (const { peer } of ready) await peer.dispose();
  notePeak(bench, "arithmetic", peakTimes!);
  const { median, best } = summarize(ownTimes!.map(({ wall }) => wall));
  const gflops = forwardFlops(model, sample) / median / 1e6;
  const tokensPerSecond = 1000 * sample.tokens / median;
  const peers = entries.map((entry): PeerResult => {
    const { name } = entry;
    if (!("peer" in entry)) return { name, kernel: "forward", shape, reason: entry.reason };
    const { part, maxError } = entry;
    const ms = summarize(times[ready.indexOf(entry)]!.map(({ wall }) => wall)).median;
    const rate = 1000 * part.tokens / ms;
    return {
      name,
      kernel: "forward",
      shape: [part.ids.length, part.tokens],
      gflops: forwardFlops(model, part) / ms / 1e6,
      medianMs: ms,
      tokensPerSecond: rate,
      ratio: tokensPerSecond / rate,
      maxError,
    };
  });
  const peakSpeed = bench.peaks.arithmetic.work / comparableMs(bench, peakTimes!);
  const share = forwardFlops(model, sample) / comparableMs(bench, ownTimes!) / peakSpeed;
  const result = { ...what, correct: true, medianMs: median, bestMs: best, gflops, share };
  return { results: [{ ...result, tokensPerSecond }], peers };
}

type ForwardEntry =
  | { name: string; peer: ReadyForward; part: Sentences; maxError: number }
  | { name: string; reason: string };

/** Loads the peers, checks their last hidden state and finds how much each can run in a round. */
async function preparePeers(
  model: Model,
  sample: Sentences,
  onnx: Uint8Array,
): Promise<ForwardEntry[]> {
  const few = sampleSentences(sample.ids, 4);
  const last = model.states(["hidden"]).at(-1)!.name;
  const { states } = await model.capture(few.ids, { states: [last] });
  const expected = states.get(last)!.values.tokens!;
  const entries: ForwardEntry[] = [];
  for (const kind of forwardPeers) {
    try {
      const peer = await prepareForward(kind, onnx);
      const padded = await peer.lastState(few);
      const maxError = largestError(dropPads(padded, few, model.spec.width), expected);
      const rate = few.tokens / await peer.time(few);
      const count = Math.floor(sample.ids.length * peerBudget * rate / sample.tokens);
      const part = sampleSentences(sample.ids, Math.max(8, count));
      entries.push({ name: kind.name, peer, part, maxError });
    } catch (error) {
      entries.push({ name: kind.name, reason: reasonOf(error) });
    }
  }
  return entries;
}

/** Rows of tokens out of a padded batch `[sentences, longest, width]`. */
function dropPads(padded: Float32Array, { ids, tokens }: Sentences, width: number): Float32Array {
  const size = padded.length / ids.length;
  const rows = new Float32Array(tokens * width);
  let at = 0;
  ids.forEach((sentence, i) => {
    const length = sentence.length * width;
    rows.set(padded.subarray(i * size, i * size + length), at);
    at += length;
  });
  return rows;
}
