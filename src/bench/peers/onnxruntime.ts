import { importPackage } from "./packages.ts";
import type { ReadyPeer } from "./peer.ts";

/** What the bench uses of onnxruntime, in a browser build or native. */
interface Onnxruntime {
  readonly env: { logLevel: string; readonly wasm: { numThreads?: number } };
  readonly Tensor: new (
    type: "float32" | "int64",
    data: Float32Array | BigInt64Array,
    shape: readonly number[],
  ) => Tensor;
  readonly InferenceSession: {
    create(model: Uint8Array, options: unknown): Promise<Session>;
  };
}

/** A tensor of onnxruntime. */
interface Tensor {
  readonly data: Float32Array | BigInt64Array;
  readonly dims: readonly number[];
}

/** A model that onnxruntime has loaded. */
export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: Record<string, Tensor>): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
}

/** The ways to run onnxruntime. What `isDefault` runs on as many threads as it chooses itself. */
export const onnxruntimeKinds = [
  { name: "onnxruntime-web WebGPU", module: "onnxruntimeWebgpu", provider: "webgpu" },
  {
    name: "onnxruntime-web wasm, by default",
    module: "onnxruntimeWasmDefault",
    provider: "wasm",
    isDefault: true,
  },
  { name: "onnxruntime-web wasm, all threads", module: "onnxruntimeWasm", provider: "wasm" },
  { name: "onnxruntime native", module: "onnxruntimeNative", provider: "cpu" },
] as const;

export type OnnxruntimeKind = typeof onnxruntimeKinds[number];

/** A loaded model, and what makes tensors for it. */
export interface OpenSession {
  readonly session: Session;
  /** Threads that it computes on, where it computes on the processor. */
  readonly threads?: number;
  tensor(
    type: "float32" | "int64",
    data: Float32Array | BigInt64Array,
    shape: readonly number[],
  ): Tensor;
}

/** Loads a model; the outputs come back to host memory. */
export async function openSession(
  { module, provider, ...options }: OnnxruntimeKind,
  model: Uint8Array,
): Promise<OpenSession> {
  const runtime = await importPackage<Onnxruntime>(module);
  const all = navigator.hardwareConcurrency;
  const { env } = runtime;
  env.logLevel = "error";
  if (provider === "wasm" && !("isDefault" in options)) env.wasm.numThreads = all;
  const session = await runtime.InferenceSession.create(model, {
    executionProviders: [provider],
    logSeverityLevel: 3,
    ...(provider === "cpu" && { intraOpNumThreads: all }),
  });
  const threads = provider === "wasm" ? env.wasm.numThreads ?? all : all;
  return {
    session,
    ...(provider !== "webgpu" && { threads }),
    tensor: (type, data, shape) => new runtime.Tensor(type, data, shape),
  };
}

/** A float32 input of a model. */
interface Feed {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** A model with float32 inputs and one output `y`, as a peer. */
export async function prepareModel(
  kind: OnnxruntimeKind,
  model: Uint8Array,
  inputs: Readonly<Record<string, Feed>>,
): Promise<ReadyPeer> {
  const { session, tensor, ...threads } = await openSession(kind, model);
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, { data, shape }]) => [name, tensor("float32", data, shape)]),
  );
  return {
    ...threads,
    async run(repeats) {
      for (let i = 1; i < repeats; i++) await session.run(feeds);
      return (await session.run(feeds))["y"]!.data as Float32Array;
    },
    dispose: () => session.release(),
  };
}
