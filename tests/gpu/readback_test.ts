import assert from "node:assert/strict";
import type { Gpu } from "../../src/gpu/device.ts";
import { createStorage } from "../../src/gpu/memory.ts";
import { readStorage } from "../../src/gpu/read_storage.ts";
import { Readback } from "../../src/gpu/readback.ts";
import { Recorder } from "../../src/gpu/recorder.ts";
import { requestGpu } from "../../src/tuning/request.ts";
import { assertFreed } from "../gpu.ts";

const { mapAsync, getMappedRange } = GPUBuffer.prototype;

/** Puts other functions in the place of a buffer's, until it is disposed. */
function replaceMapping(functions: Partial<GPUBuffer>): Disposable {
  Object.assign(GPUBuffer.prototype, functions);
  return {
    [Symbol.dispose]: () => Object.assign(GPUBuffer.prototype, { mapAsync, getMappedRange }),
  };
}

/** Writes numbers of that many bytes to the GPU and reads them back. */
async function roundTrip(gpu: Gpu, bytes: number): Promise<void> {
  using storage = createStorage(gpu, bytes, "numbers");
  const numbers = Float32Array.from({ length: bytes / 4 }, (_, i) => i % 1024);
  storage.write(numbers);
  assert.deepEqual(new Float32Array(await readStorage(storage)), numbers);
}

Deno.test("results are read as soon as the GPU is done, whenever the promise of a map comes", async () => {
  using gpu = await requestGpu();
  using _ = replaceMapping({
    async mapAsync(mode) {
      await mapAsync.call(this, mode);
      await new Promise(() => {});
    },
  });
  for (const bytes of [16, 400, 1_000_000]) await roundTrip(gpu, bytes);
  assertFreed(gpu);
});

Deno.test("results are waited for where a map that is pending shows nothing", async () => {
  using gpu = await requestGpu();
  const pending = new Set<GPUBuffer>();
  using _ = replaceMapping({
    async mapAsync(mode) {
      pending.add(this as GPUBuffer);
      await mapAsync.call(this, mode);
      pending.delete(this as GPUBuffer);
    },
    getMappedRange() {
      if (pending.has(this as GPUBuffer)) throw new DOMException("pending", "OperationError");
      return getMappedRange.call(this);
    },
  });
  for (const bytes of [16, 400, 1_000_000]) await roundTrip(gpu, bytes);
  assertFreed(gpu);
});

Deno.test("results that take much memory are read, too", async () => {
  using gpu = await requestGpu();
  await roundTrip(gpu, 17 * 2 ** 20);
  assertFreed(gpu);
});

Deno.test("a readback is read again after each copy, and shows its results until it is disposed", async () => {
  using gpu = await requestGpu();
  using storage = createStorage(gpu, 16, "numbers");
  using recorder = new Recorder(gpu);
  using readback = new Readback(gpu, 16);
  for (const number of [1, 2, 3]) {
    storage.write(new Float32Array(4).fill(number));
    recorder.copyBack(storage.buffer, readback, 16);
    recorder.submit();
    const read = new Float32Array(await readback.read(8));
    assert.deepEqual(read, Float32Array.of(number, number));
  }
  recorder.copyBack(storage.buffer, readback, 16);
  recorder.submit();
  const shown = await readback.map();
  assert.deepEqual(new Float32Array(shown), Float32Array.of(3, 3, 3, 3));
  readback[Symbol.dispose]();
  assert.equal(shown.byteLength, 0);
});
