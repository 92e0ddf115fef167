import { attentionNumbers, type AttentionShape } from "../../measure/attention_problem.ts";
import { type JaxBackend, openJax, runJax } from "./jax.ts";
import { attentionModel } from "./onnx.ts";
import { type OnnxruntimeKind, onnxruntimeKinds, prepareModel } from "./onnxruntime.ts";
import type { Peer, ReadyPeer } from "./peer.ts";
import { openTfjs, runTfjs, type TfBackend } from "./tfjs.ts";

/** What is attended to: `[sentences, tokens, heads * headWidth]` each. */
interface AttentionNumbers {
  readonly shape: AttentionShape;
  readonly query: Float32Array<ArrayBuffer>;
  readonly key: Float32Array<ArrayBuffer>;
  readonly value: Float32Array<ArrayBuffer>;
}

/** The libraries that are measured beside the project's own attention. */
export const attentionPeers: readonly Peer<AttentionNumbers>[] = [
  { name: "tfjs WebGPU", prepare: (numbers) => prepareTfjs("webgpu", numbers) },
  { name: "tfjs wasm", prepare: (numbers) => prepareTfjs("wasm", numbers) },
  { name: "jax-js WebGPU", prepare: (numbers) => prepareJax("webgpu", numbers) },
  { name: "jax-js wasm", prepare: (numbers) => prepareJax("wasm", numbers) },
  ...onnxruntimeKinds.map((kind): Peer<AttentionNumbers> => ({
    name: kind.name,
    prepare: (numbers) => prepareOnnxruntime(kind, numbers),
  })),
];

/** What peers attend to: the numbers of the project's own problem of the same shape. */
export function peerAttention(shape: AttentionShape): AttentionNumbers {
  const width = shape.heads * shape.headWidth;
  const qkv = attentionNumbers(shape);
  const part = (p: number) =>
    Float32Array.from(
      { length: qkv.length / 3 },
      (_, i) => qkv[(Math.floor(i / width) * 3 + p) * width + i % width]!,
    );
  return { shape, query: part(0), key: part(1), value: part(2) };
}

/** tfjs has no attention: two products and a softmax, of heads that lie apart from the start. */
async function prepareTfjs(
  backend: TfBackend,
  { shape, query, key, value }: AttentionNumbers,
): Promise<ReadyPeer> {
  const { tf, ...threads } = await openTfjs(backend);
  const { sentences, tokens, heads, headWidth } = shape;
  const [q, k, v] = [query, key, value].map((data) =>
    tf.tensor(swapMiddle(data, tokens, heads, headWidth), [sentences, heads, tokens, headWidth])
  ) as [ReturnType<typeof tf.tensor>, ReturnType<typeof tf.tensor>, ReturnType<typeof tf.tensor>];
  const attend = () => {
    const scores = tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(headWidth));
    return tf.matMul(tf.softmax(scores), v);
  };
  return {
    ...threads,
    async run(repeats) {
      return swapMiddle(await runTfjs(tf, backend, repeats, attend), heads, tokens, headWidth);
    },
    dispose: () => [q, k, v].forEach((tensor) => tensor.dispose()),
  };
}

async function prepareJax(
  backend: JaxBackend,
  { shape, query, key, value }: AttentionNumbers,
): Promise<ReadyPeer> {
  const { jax, ...threads } = await openJax(backend);
  const { sentences, tokens, heads, headWidth } = shape;
  const operands = [query, key, value].map((data) =>
    jax.numpy.array(data, { shape: [sentences, tokens, heads, headWidth] })
  );
  const attend = jax.jit((q, k, v) => jax.nn.dotProductAttention(q!, k!, v!));
  return {
    ...threads,
    run: (repeats) => runJax(jax, backend, repeats, attend, operands),
    dispose: () => operands.forEach((operand) => operand.dispose()),
  };
}

/** One node, `MultiHeadAttention`, of which each provider has its own fused form. */
function prepareOnnxruntime(
  kind: OnnxruntimeKind,
  { shape: { sentences, tokens, heads, headWidth }, query, key, value }: AttentionNumbers,
): Promise<ReadyPeer> {
  const shape = [sentences, tokens, heads * headWidth];
  return prepareModel(kind, attentionModel(shape, heads), {
    query: { data: query, shape },
    key: { data: key, shape },
    value: { data: value, shape },
  });
}

/** `[…, a, b, width]` to `[…, b, a, width]`. */
function swapMiddle(data: Float32Array, a: number, b: number, width: number): Float32Array {
  const size = a * b * width;
  return Float32Array.from(data, (_, at) => {
    const col = at % width, i = Math.floor(at % size / (a * width));
    const j = Math.floor(at / width) % a;
    return data[at - at % size + (j * b + i) * width + col]!;
  });
}
