import type { Gpu } from "../../gpu/device.ts";
import { type AttentionShape, pickChecked } from "../../measure/attention_problem.ts";
import { type Contestant, contestantOf, roundRobin } from "../../measure/contestant.ts";
import { largestError } from "../../measure/difference.ts";
import type { MatmulShape } from "../../measure/matmul_problem.ts";
import { summarize } from "../../measure/numbers.ts";
import type { Problem } from "../../measure/problem.ts";
import { divideTiming, timeHost } from "../../measure/stopwatch.ts";
import { messageOf } from "../../util.ts";
import { attentionProblem } from "../attention.ts";
import type { PeerResult } from "../document.ts";
import { matmulProblem } from "../matmul.ts";
import type { Bench } from "../measure.ts";
import { attentionPeers, peerAttention } from "./attention_peers.ts";
import { matmulPeers, peerMatmul } from "./matmul_peers.ts";
import type { Peer, ReadyPeer } from "./peer.ts";
import { afterRest } from "./rest.ts";

/** A wrong result is told, not timed; other libraries may add in another order. */
const bound = 1e-4;

/** Work of this length hides what it costs to wait for a result, 10 ms for some peers. */
const pieceOfPeer = 250;

/** A peer whose first run takes longer is timed in two rounds alone. */
const slowMilliseconds = 2000;

/** Times the peers on one product in the same rounds as the project's linear layer. */
export async function measureMatmulPeers(
  gpu: Gpu,
  bench: Bench,
  shape: MatmulShape,
): Promise<PeerResult[]> {
  using own = matmulProblem(gpu, shape, false);
  return await measurePeers(bench, own, matmulPeers, peerMatmul(shape), (result) => result);
}

/** Times the peers on one attention in the same rounds as the project's own. */
export async function measureAttentionPeers(
  gpu: Gpu,
  bench: Bench,
  shape: AttentionShape,
): Promise<PeerResult[]> {
  using own = attentionProblem(gpu, shape, false);
  return await measurePeers(bench, own, attentionPeers, peerAttention(shape), pickChecked(shape));
}

/**
 * Times peers in the same rounds as the first variant of a problem.
 *
 * @param pick What of a peer's result is compared with what the problem expects.
 */
async function measurePeers<Numbers>(
  { stopwatch, rounds }: Bench,
  { kernel, shape, work, variants, expected }: Problem,
  peers: readonly Peer<Numbers>[],
  numbers: Numbers,
  pick: (result: ArrayLike<number>) => ArrayLike<number>,
): Promise<PeerResult[]> {
  const wanted = expected();
  const entries: (Prepared & { name: string })[] = [];
  for (const { name, prepare } of peers) {
    const errorOf = (result: ArrayLike<number>) => largestError(pick(result), wanted);
    entries.push({ name, ...await preparePeer(() => prepare(numbers), errorOf) });
  }
  const ready = entries.filter((entry) => "contestant" in entry);
  const contestants = afterRest([
    await contestantOf(stopwatch, variants[0]!.record),
    ...ready.map(({ contestant }) => contestant),
  ]);
  const [ownMs, ...times] = (await roundRobin(contestants, rounds)).map((timings) =>
    summarize(timings.map(({ wall }) => wall)).median
  );
  for (const { peer } of ready) await peer.dispose();
  const flops = "flops" in work ? work.flops : NaN;
  return entries.map((entry): PeerResult => {
    const what = { name: entry.name, kernel, shape };
    if (!("contestant" in entry)) return { ...what, reason: entry.reason };
    const { maxError, contestant, peer: { threads } } = entry;
    const ms = times[ready.indexOf(entry)]!;
    return {
      ...what,
      ...(threads !== undefined && { threads }),
      gflops: flops / ms / 1e6,
      medianMs: ms,
      ratio: ms / ownMs!,
      maxError,
      ...(contestant.rounds !== undefined && { part: "two rounds" }),
    };
  });
}

type Prepared =
  | { readonly contestant: Contestant; readonly maxError: number; readonly peer: ReadyPeer }
  | { readonly reason: string };

/** Starts a peer, checks what it computes and finds how often it is to run in a round. */
async function preparePeer(
  prepare: () => Promise<ReadyPeer>,
  errorOf: (result: ArrayLike<number>) => number,
): Promise<Prepared> {
  try {
    const peer = await prepare();
    let result: ArrayLike<number> = [];
    const first = await timeHost(async () => result = await peer.run(1));
    const maxError = errorOf(result);
    if (!(maxError <= bound)) {
      await peer.dispose();
      return { reason: somethingElse(maxError) };
    }
    const isSlow = first.wall > slowMilliseconds;
    const { wall: once } = isSlow ? first : await timeHost(() => peer.run(1));
    const repeats = Math.min(1000, Math.max(1, Math.ceil(pieceOfPeer / once)));
    const contestant = {
      run: async () => divideTiming(await timeHost(() => peer.run(repeats)), repeats),
      ...(isSlow && { rounds: 2 }),
    };
    return { contestant, maxError, peer };
  } catch (error) {
    return { reason: reasonOf(error) };
  }
}

/** Why a peer whose result is wrong is not timed. */
export function somethingElse(maxError: number): string {
  return `computes something else: its largest error is ${maxError.toPrecision(2)}`;
}

/** What went wrong, as short as a table takes it. */
export function reasonOf(error: unknown): string {
  return messageOf(error).slice(0, 200);
}
