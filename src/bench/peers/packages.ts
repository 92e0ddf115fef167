import { SpindleError } from "../../util.ts";

/** The packages of the peers. They are fetched when they are first measured, not before. */
const packages = {
  tfjs: "@tensorflow/tfjs-core@4.22.0",
  tfjsWebgpu: "@tensorflow/tfjs-backend-webgpu@4.22.0",
  tfjsWasm: "@tensorflow/tfjs-backend-wasm@4.22.0",
  onnxruntimeWebgpu: "onnxruntime-web@1.30.0/webgpu",
  // The build for Node, whose wasm can run on more than one thread.
  onnxruntimeWasm: "onnxruntime-web@1.30.0",
  // The same wasm once more, for a module starts it with one number of threads and keeps that.
  onnxruntimeWasmDefault: "onnxruntime-web@1.30.0/wasm",
  onnxruntimeNative: "onnxruntime-node@1.30.0",
  jax: "@jax-js/jax@0.1.25",
} as const;

/**
 * Imports a package whose name is made at run time, so that it belongs neither to the module graph
 * nor to what the lock file needs.
 */
export async function importPackage<Module>(name: keyof typeof packages): Promise<Module> {
  const specifier = `npm:${packages[name]}`;
  const module = await import(specifier) as Module & { default?: Module };
  return name === "onnxruntimeNative" ? module.default ?? module : module;
}

/** Peers read the environment, load native code and fetch themselves: ask before they fail. */
export function requirePeerPermissions(): void {
  for (const name of ["env", "net", "read", "sys", "ffi"] as const) {
    if (Deno.permissions.querySync({ name }).state === "granted") continue;
    throw new SpindleError(
      `Cannot measure peers without the permission "${name}": ` +
        'start with "deno run -A --no-lock cli.ts bench --peers"',
    );
  }
}
