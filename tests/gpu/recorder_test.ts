import assert from "node:assert/strict";
import { createStorage, type StorageBuffer } from "../../src/gpu/memory.ts";
import { readStorage } from "../../src/gpu/read_storage.ts";
import { Readback } from "../../src/gpu/readback.ts";
import { mostOperations, Recorder } from "../../src/gpu/recorder.ts";
import { gpuTest } from "../gpu.ts";

/** Records `x = 10 x + digit`, as if that were so many operations. */
function appendDigit(recorder: Recorder, x: StorageBuffer, digit: number, operations?: number) {
  recorder.dispatch({
    label: "append digit",
    code: "@compute @workgroup_size(1) fn main() { x[0] = 10u * x[0] + params.digit; }",
    buffers: { x: { storage: x, type: "array<u32>", access: "read_write" } },
    uints: { digit },
    workgroups: [1],
    ...(operations && { operations }),
  });
}

/** Notes how many command buffers each submission has, until it is disposed. */
function watchSubmissions(): Disposable & { readonly sizes: number[] } {
  const { submit } = GPUQueue.prototype;
  const sizes: number[] = [];
  GPUQueue.prototype.submit = function (buffers) {
    sizes.push([...buffers].length);
    return submit.call(this, buffers);
  };
  return { sizes, [Symbol.dispose]: () => void (GPUQueue.prototype.submit = submit) };
}

gpuTest("a recorder submits as much as a GPU does in time, and keeps the order", async (gpu) => {
  using x = createStorage(gpu, 16, "number");
  using recorder = new Recorder(gpu);
  using between = new Readback(gpu, 16);
  using watched = watchSubmissions();
  appendDigit(recorder, x, 1, 0.5 * mostOperations);
  appendDigit(recorder, x, 2, 0.5 * mostOperations);
  appendDigit(recorder, x, 3);
  appendDigit(recorder, x, 4, 1);
  recorder.copyBack(x.buffer, between, 4);
  appendDigit(recorder, x, 5, 3 * mostOperations);
  appendDigit(recorder, x, 6);
  assert.deepEqual(watched.sizes, [], "nothing runs before it is submitted");
  recorder.submit();
  const pieces = gpu.adapter.software ? [1] : [1, 1, 1];
  assert.deepEqual(watched.sizes, pieces);
  assert.equal(new Uint32Array(await between.read(4))[0], 1234);
  appendDigit(recorder, x, 7, mostOperations);
  const command = () => gpu.device.createCommandEncoder().finish();
  watched.sizes.length = 0;
  recorder.submit([command()], [command()]);
  assert.deepEqual(watched.sizes, [3], "operations count anew once they are submitted");
  appendDigit(recorder, x, 8, mostOperations);
  appendDigit(recorder, x, 9, mostOperations);
  watched.sizes.length = 0;
  recorder.submit([command()], [command(), command()]);
  assert.deepEqual(watched.sizes, gpu.adapter.software ? [4] : [2, 3]);
  assert.equal(new Uint32Array(await readStorage(x))[0], 123456789);
});

gpuTest("what was recorded but not submitted never runs", async (gpu) => {
  using x = createStorage(gpu, 16, "number");
  {
    using recorder = new Recorder(gpu);
    appendDigit(recorder, x, 1, mostOperations);
    appendDigit(recorder, x, 2, mostOperations);
  }
  using recorder = new Recorder(gpu);
  appendDigit(recorder, x, 3, mostOperations);
  recorder.submit();
  assert.equal(new Uint32Array(await readStorage(x))[0], 3);
});

gpuTest("a recorder encodes while the GPU works, and only then waits and submits", async (gpu) => {
  const events: string[] = [];
  using owned = new DisposableStack();
  const note = <Name extends string, Owner extends Record<Name, (...args: never[]) => unknown>>(
    owner: Owner,
    name: Name,
  ) => {
    const original = owner[name];
    const noted = function (this: unknown, ...args: never[]) {
      events.push(name);
      return original.apply(this, args);
    };
    Object.assign(owner, { [name]: noted });
    owned.defer(() => Object.assign(owner, { [name]: original }));
  };
  using x = createStorage(gpu, 16, "number");
  using recorder = new Recorder(gpu);
  using unread = new Readback(gpu, 16);
  recorder.copyBack(x.buffer, unread, 4);
  recorder.submit();
  appendDigit(recorder, x, 1);
  note(GPUCommandEncoder.prototype, "finish");
  note(GPUBuffer.prototype, "mapAsync");
  note(GPUQueue.prototype, "submit");
  recorder.submit();
  assert.deepEqual(events, ["finish", "mapAsync", "submit"]);
  await unread.read(4);
});

gpuTest("a recorder leaves no command encoder unfinished", async (gpu) => {
  using x = createStorage(gpu, 16, "number");
  using stack = new DisposableStack();
  const { createCommandEncoder } = GPUDevice.prototype;
  const { finish } = GPUCommandEncoder.prototype;
  stack.defer(() => Object.assign(GPUDevice.prototype, { createCommandEncoder }));
  stack.defer(() => Object.assign(GPUCommandEncoder.prototype, { finish }));
  const unfinished = new Set<GPUCommandEncoder>();
  GPUDevice.prototype.createCommandEncoder = function (descriptor) {
    const encoder = createCommandEncoder.call(this, descriptor);
    unfinished.add(encoder);
    return encoder;
  };
  GPUCommandEncoder.prototype.finish = function (descriptor) {
    unfinished.delete(this);
    return finish.call(this, descriptor);
  };
  {
    using recorder = new Recorder(gpu);
    appendDigit(recorder, x, 1, mostOperations);
    appendDigit(recorder, x, 2, mostOperations);
    recorder.submit();
    appendDigit(recorder, x, 3);
    recorder.submit();
  }
  assert.equal(unfinished.size, 0);
  assert.equal(new Uint32Array(await readStorage(x))[0], 123);
  assert.equal(unfinished.size, 0);
});
