import assert from "node:assert/strict";
import { createStorage, type StorageBuffer } from "../../src/gpu/memory.ts";
import { Readback } from "../../src/gpu/readback.ts";
import { Recorder } from "../../src/gpu/recorder.ts";
import { gpuTest } from "../gpu.ts";

/** Records `x = 10 x + digit`. */
function appendDigit(recorder: Recorder, x: StorageBuffer, digit: number) {
  recorder.dispatch({
    label: "append digit",
    code: "@compute @workgroup_size(1) fn main() { x[0] = 10u * x[0] + params.digit; }",
    buffers: { x: { storage: x, type: "array<u32>", access: "read_write" } },
    uints: { digit },
    workgroups: [1],
  });
}

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
