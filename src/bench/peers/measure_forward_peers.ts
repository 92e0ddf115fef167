import { largestError } from "../../measure/difference.ts";
import { summarize } from "../../measure/numbers.ts";
import type { Timing } from "../../measure/stopwatch.ts";
import type { Model } from "../../model/model.ts";
import { SpindleError } from "../../util.ts";
import type { PeerResult } from "../document.ts";
import { forwardFlops, sampleSentences, sampleTokens, type Sentences } from "../forward.ts";
import { forwardPeers, prepareForward, type ReadyForward } from "./forward_peers.ts";
import { reasonOf, somethingElse } from "./measure_peers.ts";

/** A peer that is more times slower runs a part of the sentences, in two rounds. */
const mostTimesSlower = 8;

/**
 * An export of the original float32 weights differs by the rounding of the bundled float16 ones.
 */
const bound = 5e-3;

/** A peer that is ready to run its part of the sentences. */
export interface ReadyEntry {
  readonly name: string;
  readonly peer: ReadyForward;
  readonly part: Sentences;
  readonly maxError: number;
}

/** A peer, or why it does not run. */
type ForwardEntry = ReadyEntry | { readonly name: string; readonly reason: string };

/** Loads the peers, checks their last hidden state and finds how much each can run in a round. */
export async function prepareForwardPeers(
  model: Model,
  sample: Sentences,
  ownMs: number,
  onnx: Uint8Array,
): Promise<ForwardEntry[]> {
  const few = sampleSentences(sample.ids, 16);
  const last = model.states(["hidden"]).at(-1)!.name;
  const { states } = await model.capture(few.ids, { states: [last] });
  const expected = states.get(last)!.values.tokens!;
  const entries: ForwardEntry[] = [];
  for (const kind of forwardPeers) {
    try {
      const peer = await prepareForward(kind, onnx);
      const padded = await peer.lastState(few);
      const maxError = largestError(dropPads(padded, few, model.spec.width), expected);
      if (!(maxError <= bound)) {
        await peer.dispose();
        throw new SpindleError(somethingElse(maxError));
      }
      const rate = few.tokens / await peer.time(few);
      const tokens = Math.max(few.tokens, mostTimesSlower * ownMs * rate);
      const part = tokens < sample.tokens ? sampleTokens(sample.ids, tokens) : sample;
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

/** What was measured of a peer. */
export function peerResult(
  model: Model,
  sample: Sentences,
  ownRate: number,
  entry: ForwardEntry,
  times: readonly Timing[] | undefined,
): PeerResult {
  const { name } = entry;
  const kernel = "forward" as const;
  if (!("peer" in entry)) {
    return { name, kernel, shape: [sample.ids.length, sample.tokens], reason: entry.reason };
  }
  const { part, maxError, peer: { threads } } = entry;
  const isPart = part.ids.length < sample.ids.length;
  const ms = summarize(times!.map(({ wall }) => wall)).median;
  const rate = 1000 * part.tokens / ms;
  return {
    name,
    kernel,
    shape: [part.ids.length, part.tokens],
    ...(threads !== undefined && { threads }),
    gflops: forwardFlops(model, part) / ms / 1e6,
    medianMs: ms,
    tokensPerSecond: rate,
    ratio: ownRate / rate,
    maxError,
    ...(isPart && { part: `${part.ids.length} of ${sample.ids.length} sentences, two rounds` }),
  };
}
