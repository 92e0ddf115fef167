import { importPackage } from "./packages.ts";

/** What the bench uses of onnxruntime, in a browser build or native. */
interface Onnxruntime {
  readonly env: { logLevel: string };
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
export interface Tensor {
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

/** The ways to run onnxruntime. */
export const onnxruntimeKinds = [
  { name: "onnxruntime-web WebGPU", module: "onnxruntimeWebgpu", provider: "webgpu" },
  { name: "onnxruntime-web wasm", module: "onnxruntimeWasm", provider: "wasm" },
  { name: "onnxruntime native", module: "onnxruntimeNative", provider: "cpu" },
] as const;

export type OnnxruntimeKind = typeof onnxruntimeKinds[number];

/** A loaded model, and what makes tensors for it. */
export interface OpenSession {
  readonly session: Session;
  tensor(
    type: "float32" | "int64",
    data: Float32Array | BigInt64Array,
    shape: readonly number[],
  ): Tensor;
}

/** Loads a model; the outputs come back to host memory. */
export async function openSession(
  { module, provider }: OnnxruntimeKind,
  model: Uint8Array,
): Promise<OpenSession> {
  const runtime = await importPackage<Onnxruntime>(module);
  runtime.env.logLevel = "error";
  const session = await runtime.InferenceSession.create(model, {
    executionProviders: [provider],
    logSeverityLevel: 3,
  });
  return { session, tensor: (type, data, shape) => new runtime.Tensor(type, data, shape) };
}
