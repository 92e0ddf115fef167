import { importPackage } from "./packages.ts";

/** A tensor of tfjs. */
interface TfTensor {
  data(): Promise<Float32Array>;
  dispose(): void;
}

/** What the bench uses of tfjs. */
interface Tfjs {
  setBackend(name: string): Promise<boolean>;
  tensor(data: Float32Array, shape: readonly number[]): TfTensor;
  matMul(a: TfTensor, b: TfTensor, transposeA?: boolean, transposeB?: boolean): TfTensor;
  mul(a: TfTensor, b: number): TfTensor;
  softmax(a: TfTensor): TfTensor;
  tidy(compute: () => TfTensor): TfTensor;
}

/** The backends that are measured. */
export type TfBackend = "webgpu" | "wasm";

/** Loads tfjs and switches it to a backend. */
export async function openTfjs(backend: TfBackend): Promise<{ tf: Tfjs; threads?: number }> {
  const tf = await importPackage<Tfjs>("tfjs");
  const module = await importPackage<{ getThreadsCount?(): number }>(
    backend === "wasm" ? "tfjsWasm" : "tfjsWebgpu",
  );
  if (!await tf.setBackend(backend)) throw new Error(`its ${backend} backend does not start`);
  // One: its build for more threads starts workers from classic scripts, which Deno does not run.
  const threads = module.getThreadsCount?.();
  return { tf, ...(threads !== undefined && { threads }) };
}

/** Makes a result from tensors that stay; what is made on the way is freed. */
export async function runTfjs(
  tf: Tfjs,
  backend: TfBackend,
  repeats: number,
  compute: () => TfTensor,
): Promise<Float32Array> {
  await tf.setBackend(backend);
  for (let i = 1; i < repeats; i++) tf.tidy(compute).dispose();
  const y = tf.tidy(compute);
  const result = await y.data();
  y.dispose();
  return result;
}
