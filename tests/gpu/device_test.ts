import assert from "node:assert/strict";
import { Gpu } from "../../src/gpu/device.ts";
import { createMatrix } from "../../src/gpu/matrix.ts";
import { createStorage } from "../../src/gpu/memory.ts";
import { readStorage } from "../../src/gpu/read_storage.ts";
import { Readback } from "../../src/gpu/readback.ts";
import { Recorder } from "../../src/gpu/recorder.ts";
import { idleStaging } from "../../src/gpu/staging.ts";
import { linear } from "../../src/ops/linear.ts";
import { requestGpu } from "../../src/tuning/request.ts";
import { range, SpindleError } from "../../src/util.ts";
import { runCode } from "../cli/support.ts";
import { assertFreed } from "../gpu.ts";

Deno.test("a command that the GPU rejects fails the next readback with its reason", async () => {
  using gpu = await requestGpu();
  using storage = createStorage(gpu, 16, "small");
  storage.write(new Float32Array(400));
  await assert.rejects(readStorage(storage), (error) => {
    assert.ok(error instanceof SpindleError);
    assert.match(error.message, /^The GPU rejected a command: /);
    return true;
  });
});

/** What a command may have been submitted from: errors are told in another phase of the loop. */
const beginnings: Record<string, (gpu: Gpu) => Promise<unknown>> = {
  "a timer": () => new Promise((resolve) => setTimeout(resolve)),
  "an immediate": () => new Promise((resolve) => setImmediate(resolve)),
  "a read file": () => Deno.readFile("deno.json"),
  "a promise": () => Promise.resolve(),
  "another readback": async (gpu) => {
    using storage = createStorage(gpu, 16, "sound");
    await readStorage(storage);
  },
};

for (const [name, begin] of Object.entries(beginnings)) {
  Deno.test(`no results are read after a rejected command that follows ${name}`, async () => {
    for (let i = 0; i < 5; i++) {
      using gpu = await requestGpu();
      using storage = createStorage(gpu, 4096, "freed");
      using readback = new Readback(gpu, 4096);
      using recorder = new Recorder(gpu);
      await begin(gpu);
      recorder.copyBack(storage.buffer, readback, 4096);
      storage[Symbol.dispose]();
      await assert.rejects(async () => {
        recorder.submit();
        await readback.read(4096);
      }, /^SpindleError: The GPU rejected a command: /);
    }
  });
}

Deno.test("a lost device is told by whoever reads, and frees what it held", async () => {
  using gpu = await requestGpu();
  using storage = createStorage(gpu, 16, "lost");
  gpu.device.destroy();
  await assert.rejects(readStorage(storage), /^SpindleError: The GPU device was lost/);
  storage[Symbol.dispose]();
  assertFreed(gpu);
});

Deno.test("a kernel that does not compile fails the next readback with its reason", async () => {
  using gpu = await requestGpu();
  using recorder = new Recorder(gpu);
  recorder.dispatch({ label: "broken", code: "fn main( {", workgroups: [1] });
  using readback = new Readback(gpu, 16);
  await assert.rejects(async () => {
    recorder.submit();
    await readback.read(16);
  }, /^SpindleError: The GPU rejected a command: /);
});

Deno.test("a recorder gives back what it holds for work that was not submitted", async () => {
  using gpu = await requestGpu({ storage: "texture" });
  using x = createMatrix(gpu, 3, 4);
  {
    using recorder = new Recorder(gpu);
    linear(recorder, x, x, x, 3);
  }
  assert.equal(gpu.idleUniforms.length, 1);
  assert.equal(idleStaging(gpu).length, gpu.adapter.software ? 1 : 0);
  x[Symbol.dispose]();
  gpu[Symbol.dispose]();
  assert.equal(gpu.liveBytes, 0, "with the device what it kept is freed");
});

const requestLine = 'import { requestGpu } from "CLI/../tuning/request.ts"; await requestGpu();';

Deno.test("requestGpu() says what to install where there is no adapter", async () => {
  // There is no such backend on Linux, nor on macOS.
  const env = { DENO_WEBGPU_BACKEND: "dx12" };
  const { code, stderr } = await runCode(requestLine, { env });
  assert.equal(code, 1);
  assert.match(stderr, /Cannot find a WebGPU adapter: install/);
});

/** Whether OpenGL's drivers are loaded with a GPU; never where there are none. */
async function loadsOpenGl(backend: string): Promise<boolean> {
  if (Deno.build.os !== "linux") return false;
  const env = { DENO_WEBGPU_BACKEND: backend };
  const tell = 'console.log(Deno.readTextFileSync("/proc/self/maps"));';
  const { stdout, stderr } = await runCode(requestLine + tell, { env });
  assert.match(stdout, /libvulkan/, stderr);
  return stdout.includes("libEGL");
}

Deno.test({
  name: "OpenGL's drivers are not loaded unless they are asked for",
  ignore: !await loadsOpenGl("vulkan,gl"),
  fn: async () => assert.equal(await loadsOpenGl(""), false),
});

Deno.test("requestGpu() says why a driver gave no device", async () => {
  const { requestDevice } = GPUAdapter.prototype;
  using owned = new DisposableStack();
  owned.defer(() => GPUAdapter.prototype.requestDevice = requestDevice);
  GPUAdapter.prototype.requestDevice = () => Promise.reject(new Error("Not enough\nmemory left."));
  await assert.rejects(
    requestGpu(),
    /^SpindleError: Cannot use .* as its driver gave no device \(Not enough memory left\.\): update/,
  );
});

Deno.test("a kernel that takes more bindings than an adapter has is refused by name", async () => {
  using whole = await requestGpu();
  const adapter = (await navigator.gpu.requestAdapter())!;
  for (const [storage, what] of [["texture", "textures"], ["buffer", "buffers"]] as const) {
    const device = await adapter.requestDevice({
      requiredLimits: { maxStorageTexturesPerShaderStage: 4, maxStorageBuffersPerShaderStage: 8 },
    });
    using gpu = new Gpu(device, whole.adapter, [], whole.lanes, false, storage);
    const x = createMatrix(gpu, 4, 4);
    const record = (reads: number) =>
      new Recorder(gpu).dispatch({
        label: "greedy",
        code: "@compute @workgroup_size(1) fn main() { store_y(0u, 0u, vec4f(0.0)); }",
        reads: Object.fromEntries(range(reads).map((i) => [`x${i}`, x])),
        writes: { y: createMatrix(gpu, 4, 4) },
        workgroups: [1],
      });
    const most = storage === "texture" ? 4 : 8;
    record(most - 1);
    assert.throws(
      () => record(most),
      new RegExp(`kernel "greedy" on .* takes ${most + 1} storage ${what} and ${most} are allowed`),
    );
  }
});

Deno.test("createStorage() refuses more than the GPU allows a buffer", async () => {
  using gpu = await requestGpu();
  const limit = gpu.device.limits.maxBufferSize;
  assert.throws(
    () => createStorage(gpu, limit + 16, "weights"),
    /bytes for weights as the GPU allows/,
  );
});
