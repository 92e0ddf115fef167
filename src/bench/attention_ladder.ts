import type { Matrix } from "../gpu/matrix.ts";
import type { StorageBuffer } from "../gpu/memory.ts";
import type { Recorder } from "../gpu/recorder.ts";
import type { AttentionOperands } from "../measure/attention_problem.ts";
import { attentionHeader, onlineCode } from "./attention_online.ts";

/** A step from the plainest attention towards the best one. */
interface AttentionStep {
  readonly name: string;
  /** What changes, and why it should help. */
  readonly lesson: string;
  readonly options: "three kernels" | OnlineOptions;
}

/** One kernel with an online softmax. */
interface OnlineOptions {
  /** Queries that an invocation owns. */
  readonly queries: number;
  /** Keys whose scores it has in flight at once. */
  readonly keys: number;
  /** Whether each lane loads another key and hands it to its subgroup, where there are any. */
  readonly broadcast?: true;
}

/** The ladder, from three kernels to what `attention` of `src/ops` does on a software driver. */
export const attentionSteps: readonly AttentionStep[] = [
  {
    name: "1 three kernels",
    lesson: "scores, softmax, weighted sum: the scores go to memory, quadratic in the length",
    options: "three kernels",
  },
  {
    name: "2 online softmax",
    lesson: "one kernel keeps a running maximum and sum: memory is linear in the length",
    options: { queries: 1, keys: 1 },
  },
  {
    name: "3 eight keys at once",
    lesson:
      "the sums so far are rescaled once in eight keys, queries are loaded an eighth as often",
    options: { queries: 1, keys: 8 },
  },
  {
    name: "4 four queries a lane",
    lesson: "each key and value that is loaded serves four queries",
    options: { queries: 4, keys: 8 },
  },
  {
    name: "5 keys handed round",
    lesson: "each lane loads another key or value and hands it to the subgroup: one load for eight",
    options: { queries: 4, keys: 8, broadcast: true },
  },
];

/**
 * Records attention in three kernels, one query a lane.
 *
 * @param scores Room for `[heads, tokens, longest]`, where `longest` is that of the sentences.
 */
export function threeKernels(
  recorder: Recorder,
  operands: AttentionOperands,
  scores: StorageBuffer,
  longest: number,
): void {
  const { qkv, out } = operands;
  const { lanes } = recorder.gpu;
  const row = `
  let row = block.x + lane;
  if (row >= end) { return; }
  let at = (head * params.tokens + row) * params.longest;`;
  const steps: [string, string][] = [[
    "scores",
    `
  for (var key = block.y; key < end; key++) {
    var sum = 0.0;
    for (var d = 0u; d < HEAD; d++) {
      sum += dot(load_qkv(row, q_texel + d), load_qkv(key, k_texel + d));
    }
    scores[at + key - block.y] = sum * params.scale;
  }`,
  ], [
    "softmax",
    `
  var highest = -3.0e38;
  for (var i = 0u; i < end - block.y; i++) { highest = max(highest, scores[at + i]); }
  var sum = 0.0;
  for (var i = 0u; i < end - block.y; i++) {
    scores[at + i] = exp(scores[at + i] - highest);
    sum += scores[at + i];
  }
  for (var i = 0u; i < end - block.y; i++) { scores[at + i] /= sum; }`,
  ], [
    "weighted sum",
    `
  for (var d = 0u; d < HEAD; d++) {
    var sum = vec4f(0.0);
    for (var key = block.y; key < end; key++) {
      sum += scores[at + key - block.y] * load_qkv(key, v_texel + d);
    }
    store_out(row, q_texel + d, sum);
  }`,
  ]];
  for (const [name, body] of steps) {
    dispatch(recorder, name, attentionHeader(lanes) + row + body + "\n}", operands, 1, {
      reads: name === "softmax" ? {} : { qkv },
      writes: name === "weighted sum" ? { out } : {},
      scores,
      longest,
    });
  }
}

/** Records attention in one kernel. */
export function onlineAttention(
  recorder: Recorder,
  operands: AttentionOperands,
  { queries, keys, broadcast }: OnlineOptions,
): void {
  const { qkv, out, headTexels } = operands;
  const { lanes, subgroups } = recorder.gpu;
  const canShare = !!broadcast && subgroups && lanes >= keys;
  const code = onlineCode(queries, keys, headTexels, lanes, canShare);
  dispatch(recorder, `online ${queries}x${keys}`, code, operands, queries, {
    reads: { qkv },
    writes: { out },
  });
}

function dispatch(
  recorder: Recorder,
  label: string,
  code: string,
  operands: AttentionOperands,
  queries: number,
  { reads, writes, scores, longest = 0 }: {
    reads: Record<string, Matrix>;
    writes: Record<string, Matrix>;
    scores?: StorageBuffer;
    longest?: number;
  },
): void {
  const { heads, headTexels, scale, qkv } = operands;
  const blocks = operands.blocks(queries);
  recorder.dispatch({
    label,
    code,
    constants: { HEAD: headTexels },
    reads,
    writes,
    buffers: {
      blocks: { storage: blocks.storage, type: "array<vec4u>", access: "read" },
      ...(scores && {
        scores: { storage: scores, type: "array<f32>", access: "read_write" } as const,
      }),
    },
    uints: { heads, tokens: qkv.rows, longest },
    floats: { scale },
    workgroups: [blocks.count, heads],
  });
}
