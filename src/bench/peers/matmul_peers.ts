import { matmulModel } from "./onnx.ts";
import { type OnnxruntimeKind, onnxruntimeKinds, openSession } from "./onnxruntime.ts";
import { importPackage } from "./packages.ts";

/** The product `y = x w` that peers are given, row-major. */
export interface PeerMatmul {
  readonly rows: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly x: Float32Array<ArrayBuffer>;
  /** `[inputs, outputs]`. */
  readonly w: Float32Array<ArrayBuffer>;
}

/** A peer that is ready to multiply. */
export interface ReadyPeer {
  /** Multiplies so many times and waits for the last result, which it returns. */
  run(repeats: number): Promise<ArrayLike<number>>;
  dispose(): void | Promise<void>;
}

/** Another library that multiplies matrices. */
export interface Peer {
  readonly name: string;
  prepare(problem: PeerMatmul): Promise<ReadyPeer>;
}

/** The libraries that are measured beside the project's own kernels. */
export const matmulPeers: readonly Peer[] = [
  { name: "tfjs WebGPU", prepare: (problem) => prepareTfjs("webgpu", problem) },
  { name: "tfjs wasm", prepare: (problem) => prepareTfjs("wasm", problem) },
  { name: "jax-js WebGPU", prepare: (problem) => prepareJax("webgpu", problem) },
  { name: "jax-js wasm", prepare: (problem) => prepareJax("wasm", problem) },
  ...onnxruntimeKinds.map((kind): Peer => ({
    name: kind.name,
    prepare: (problem) => prepareOnnxruntime(kind, problem),
  })),
];

interface TfTensor {
  data(): Promise<Float32Array>;
  dispose(): void;
}

interface Tfjs {
  setBackend(name: string): Promise<boolean>;
  tensor2d(data: Float32Array, shape: readonly number[]): TfTensor;
  matMul(a: TfTensor, b: TfTensor): TfTensor;
}

async function prepareTfjs(
  backend: "webgpu" | "wasm",
  { x, w, rows, inputs, outputs }: PeerMatmul,
): Promise<ReadyPeer> {
  const tf = await importPackage<Tfjs>("tfjs");
  await importPackage(backend === "webgpu" ? "tfjsWebgpu" : "tfjsWasm");
  if (!await tf.setBackend(backend)) throw new Error(`its ${backend} backend does not start`);
  const a = tf.tensor2d(x, [rows, inputs]);
  const b = tf.tensor2d(w, [inputs, outputs]);
  return {
    async run(repeats) {
      await tf.setBackend(backend);
      for (let i = 1; i < repeats; i++) tf.matMul(a, b).dispose();
      const y = tf.matMul(a, b);
      const result = await y.data();
      y.dispose();
      return result;
    },
    dispose() {
      a.dispose();
      b.dispose();
    },
  };
}

interface JaxArray {
  /** A second reference: operations use one up. */
  readonly ref: JaxArray;
  data(): Promise<Float32Array>;
  blockUntilReady(): Promise<JaxArray>;
  dispose(): void;
}

interface Jax {
  init(): Promise<readonly string[]>;
  defaultDevice(name: string): unknown;
  jit(f: (a: JaxArray, b: JaxArray) => JaxArray): (a: JaxArray, b: JaxArray) => JaxArray;
  readonly numpy: {
    array(data: Float32Array, options: { shape: readonly number[] }): JaxArray;
    dot(a: JaxArray, b: JaxArray): JaxArray;
  };
}

async function prepareJax(
  backend: "webgpu" | "wasm",
  { x, w, rows, inputs, outputs }: PeerMatmul,
): Promise<ReadyPeer> {
  const jax = await importPackage<Jax>("jax");
  const backends = await jax.init();
  if (!backends.includes(backend)) throw new Error(`its ${backend} backend does not start`);
  jax.defaultDevice(backend);
  const { numpy } = jax;
  const a = numpy.array(x, { shape: [rows, inputs] });
  const b = numpy.array(w, { shape: [inputs, outputs] });
  const multiply = jax.jit((left, right) => numpy.dot(left, right));
  return {
    async run(repeats) {
      jax.defaultDevice(backend);
      for (let i = 1; i < repeats; i++) multiply(a.ref, b.ref).dispose();
      return await multiply(a.ref, b.ref).data();
    },
    dispose() {
      a.dispose();
      b.dispose();
    },
  };
}

async function prepareOnnxruntime(
  kind: OnnxruntimeKind,
  { x, w, rows, inputs, outputs }: PeerMatmul,
): Promise<ReadyPeer> {
  const { session, tensor } = await openSession(kind, matmulModel(w, rows, inputs, outputs));
  const feeds = { x: tensor("float32", x, [rows, inputs]) };
  return {
    async run(repeats) {
      for (let i = 1; i < repeats; i++) await session.run(feeds);
      return (await session.run(feeds))["y"]!.data as Float32Array;
    },
    dispose: () => session.release(),
  };
}
