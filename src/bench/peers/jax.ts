import { importPackage } from "./packages.ts";

/** An array of jax-js. */
interface JaxArray {
  /** A second reference: operations use one up. */
  readonly ref: JaxArray;
  data(): Promise<Float32Array>;
  /** Resolves to the same array. */
  blockUntilReady(): Promise<JaxArray>;
  dispose(): void;
}

type JaxFunction = (...operands: JaxArray[]) => JaxArray;

/** What the bench uses of jax-js. */
interface Jax {
  init(): Promise<readonly string[]>;
  defaultDevice(name: string): unknown;
  jit(f: JaxFunction): JaxFunction;
  readonly numpy: {
    array(data: Float32Array, options: { shape: readonly number[] }): JaxArray;
    dot(a: JaxArray, b: JaxArray): JaxArray;
  };
  readonly nn: { dotProductAttention(q: JaxArray, k: JaxArray, v: JaxArray): JaxArray };
}

/** The backends that are measured. */
export type JaxBackend = "webgpu" | "wasm";

/** Loads jax-js and switches it to a backend. */
export async function openJax(backend: JaxBackend): Promise<{ jax: Jax; threads?: number }> {
  const jax = await importPackage<Jax>("jax");
  const backends = await jax.init();
  if (!backends.includes(backend)) throw new Error(`its ${backend} backend does not start`);
  jax.defaultDevice(backend);
  return { jax, ...(backend === "wasm" && { threads: navigator.hardwareConcurrency }) };
}

/** Applies a compiled function to operands that stay. */
export async function runJax(
  jax: Jax,
  backend: JaxBackend,
  repeats: number,
  compute: JaxFunction,
  operands: readonly JaxArray[],
): Promise<Float32Array> {
  jax.defaultDevice(backend);
  const apply = () => compute(...operands.map(({ ref }) => ref));
  // What is disposed before it was computed never is.
  for (let i = 1; i < repeats; i++) (await apply().blockUntilReady()).dispose();
  return await apply().data();
}
