import { matmulNumbers, type MatmulShape } from "../../measure/matmul_problem.ts";
import { transpose } from "../matmul.ts";
import { type JaxBackend, openJax, runJax } from "./jax.ts";
import { matmulModel } from "./onnx.ts";
import { type OnnxruntimeKind, onnxruntimeKinds, prepareModel } from "./onnxruntime.ts";
import type { Peer, ReadyPeer } from "./peer.ts";
import { openTfjs, runTfjs, type TfBackend } from "./tfjs.ts";

/** The product `y = x w` that peers are given, row-major. */
interface MatmulNumbers {
  readonly rows: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly x: Float32Array<ArrayBuffer>;
  /** `[inputs, outputs]`. */
  readonly w: Float32Array<ArrayBuffer>;
}

/** The libraries that are measured beside the project's own linear layer. */
export const matmulPeers: readonly Peer<MatmulNumbers>[] = [
  { name: "tfjs WebGPU", prepare: (numbers) => prepareTfjs("webgpu", numbers) },
  { name: "tfjs wasm", prepare: (numbers) => prepareTfjs("wasm", numbers) },
  { name: "jax-js WebGPU", prepare: (numbers) => prepareJax("webgpu", numbers) },
  { name: "jax-js wasm", prepare: (numbers) => prepareJax("wasm", numbers) },
  ...onnxruntimeKinds.map((kind): Peer<MatmulNumbers> => ({
    name: kind.name,
    prepare: (numbers) => prepareOnnxruntime(kind, numbers),
  })),
];

/** What peers multiply: the numbers of the project's own problem of the same shape. */
export function peerMatmul(shape: MatmulShape): MatmulNumbers {
  const [rows, outputs, inputs] = shape;
  const { x, w } = matmulNumbers(shape);
  return { rows, inputs, outputs, x, w: transpose(w, outputs, inputs) };
}

async function prepareTfjs(
  backend: TfBackend,
  { x, w, rows, inputs, outputs }: MatmulNumbers,
): Promise<ReadyPeer> {
  const { tf, ...threads } = await openTfjs(backend);
  const a = tf.tensor(x, [rows, inputs]);
  const b = tf.tensor(w, [inputs, outputs]);
  return {
    ...threads,
    run: (repeats) => runTfjs(tf, backend, repeats, () => tf.matMul(a, b)),
    dispose: () => [a, b].forEach((tensor) => tensor.dispose()),
  };
}

async function prepareJax(
  backend: JaxBackend,
  { x, w, rows, inputs, outputs }: MatmulNumbers,
): Promise<ReadyPeer> {
  const { jax, ...threads } = await openJax(backend);
  const operands = [
    jax.numpy.array(x, { shape: [rows, inputs] }),
    jax.numpy.array(w, { shape: [inputs, outputs] }),
  ];
  const multiply = jax.jit((a, b) => jax.numpy.dot(a!, b!));
  return {
    ...threads,
    run: (repeats) => runJax(jax, backend, repeats, multiply, operands),
    dispose: () => operands.forEach((operand) => operand.dispose()),
  };
}

function prepareOnnxruntime(
  kind: OnnxruntimeKind,
  { x, w, rows, inputs, outputs }: MatmulNumbers,
): Promise<ReadyPeer> {
  const model = matmulModel(w, rows, inputs, outputs);
  return prepareModel(kind, model, { x: { data: x, shape: [rows, inputs] } });
}
