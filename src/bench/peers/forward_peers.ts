import type { Sentences } from "../forward.ts";
import {
  type OnnxruntimeKind,
  onnxruntimeKinds,
  type OpenSession,
  openSession,
  type Session,
} from "./onnxruntime.ts";

/** A peer that is ready to run the model. */
export interface ReadyForward {
  readonly name: string;
  readonly threads?: number;
  /** Runs sentences in padded batches; returns the milliseconds. */
  time(sentences: Sentences): Promise<number>;
  /** The last hidden state of one batch, `[sentences, longest, width]`, pads included. */
  lastState(sentences: Sentences): Promise<Float32Array>;
  dispose(): Promise<void>;
}

/** Sentences of a padded batch; they come sorted by length, so that there is little padding. */
const batchSize = 32;

/** The ways to run an exported model. */
export const forwardPeers = onnxruntimeKinds;

/**
 * Loads the exported model.
 *
 * @param model The bytes of an ONNX file with the inputs `input_ids`, `attention_mask` and, where
 * wanted, `token_type_ids`, and the last hidden state as its first output.
 */
export async function prepareForward(
  kind: OnnxruntimeKind,
  model: Uint8Array,
): Promise<ReadyForward> {
  const open = await openSession(kind, model);
  return {
    name: kind.name,
    ...(open.threads !== undefined && { threads: open.threads }),
    async time({ ids }) {
      const start = performance.now();
      for (let from = 0; from < ids.length; from += batchSize) {
        await runBatch(open, ids.slice(from, from + batchSize));
      }
      return performance.now() - start;
    },
    lastState: ({ ids }) => runBatch(open, ids),
    dispose: () => open.session.release(),
  };
}

async function runBatch(
  { session, tensor }: OpenSession,
  batch: readonly number[][],
): Promise<Float32Array> {
  const longest = Math.max(...batch.map((sentence) => sentence.length));
  const shape = [batch.length, longest];
  const fill = (value: (sentence: readonly number[], i: number) => number) =>
    tensor(
      "int64",
      BigInt64Array.from(
        batch.flatMap((sentence) =>
          Array.from({ length: longest }, (_, i) => BigInt(value(sentence, i)))
        ),
      ),
      shape,
    );
  const feeds: Parameters<Session["run"]>[0] = {
    input_ids: fill((sentence, i) => sentence[i] ?? 0),
    attention_mask: fill((sentence, i) => Number(i < sentence.length)),
    token_type_ids: fill(() => 0),
  };
  const wanted = session.inputNames.map((name) => [name, feeds[name]!]);
  const outputs = await session.run(Object.fromEntries(wanted));
  return outputs[session.outputNames[0]!]!.data as Float32Array;
}
