import type { Gpu } from "../../gpu/device.ts";
import { messageOf } from "../../util.ts";
import type { PeerResult } from "../document.ts";
import { matmulNumbers, matmulProblem, type MatmulShape, transpose } from "../matmul.ts";
import { type Bench, type Contestant, contestantOf, roundRobin } from "../measure.ts";
import { summarize } from "../numbers.ts";
import { largestError } from "../problem.ts";
import { divideTiming, pieceMilliseconds, timeHost, type Timing } from "../stopwatch.ts";
import { matmulPeers, type PeerMatmul, type ReadyPeer } from "./matmul_peers.ts";

/** A wrong result is told, not timed; other libraries may add in another order. */
const bound = 1e-4;

/** A peer that takes longer is timed in the first round alone. */
const slowMilliseconds = 2000;

/** Times the peers on one product in the same rounds as the project's linear layer. */
export async function measureMatmulPeers(
  gpu: Gpu,
  { stopwatch, rounds }: Bench,
  shape: MatmulShape,
): Promise<PeerResult[]> {
  using own = matmulProblem(gpu, shape, false);
  const [rows, outputs, inputs] = shape;
  const { x, w } = matmulNumbers(shape);
  const problem = { rows, inputs, outputs, x, w: transpose(w, outputs, inputs) };
  const expected = own.expected();
  const entries = [];
  for (const peer of matmulPeers) {
    entries.push({ name: peer.name, ...await preparePeer(peer.prepare, problem, expected) });
  }
  const ready = entries.filter((entry) => "contestant" in entry);
  const contestants = [
    await contestantOf(stopwatch, own.variants[0]!.record),
    ...ready.map(({ contestant }) => contestant),
  ];
  const [ownTimes, ...times] = (await roundRobin(contestants, rounds)).map(medianWall);
  for (const { dispose } of ready) await dispose();
  const flops = 2 * rows * outputs * inputs;
  return entries.map((entry): PeerResult => {
    const what = { name: entry.name, kernel: "matmul" as const, shape };
    if (!("contestant" in entry)) return { ...what, reason: entry.reason };
    const ms = times[ready.indexOf(entry)]!;
    const { maxError } = entry;
    return { ...what, gflops: flops / ms / 1e6, medianMs: ms, ratio: ms / ownTimes!, maxError };
  });
}

function medianWall(timings: readonly Timing[]): number {
  return summarize(timings.map(({ wall }) => wall)).median;
}

type Prepared =
  | { readonly contestant: Contestant; readonly maxError: number; dispose: ReadyPeer["dispose"] }
  | { readonly reason: string };

async function preparePeer(
  prepare: (problem: PeerMatmul) => Promise<ReadyPeer>,
  problem: PeerMatmul,
  expected: Float64Array,
): Promise<Prepared> {
  try {
    const peer = await prepare(problem);
    const maxError = largestError(await peer.run(1), expected);
    if (!(maxError <= bound)) {
      await peer.dispose();
      return { reason: `computes something else: its largest error is ${maxError.toPrecision(2)}` };
    }
    const { wall: once } = await timeHost(() => peer.run(1));
    const repeats = Math.min(1000, Math.max(1, Math.ceil(pieceMilliseconds / once)));
    let last: Timing | undefined;
    const run = async (): Promise<Timing> => {
      if (!last || once < slowMilliseconds) {
        last = divideTiming(await timeHost(() => peer.run(repeats)), repeats);
      }
      return last;
    };
    return { contestant: { run }, maxError, dispose: peer.dispose };
  } catch (error) {
    return { reason: reasonOf(error) };
  }
}

/** The first line of what went wrong. */
export function reasonOf(error: unknown): string {
  return messageOf(error).split("\n")[0]!.slice(0, 200);
}
