import type { StorageBuffer } from "./memory.ts";
import { type Pending, Readback } from "./readback.ts";
import { Recorder } from "./recorder.ts";

/** Records a copy of the first bytes of a storage buffer, of all where not given. */
export function copyStorageBack(
  recorder: Recorder,
  { gpu, buffer }: StorageBuffer,
  bytes = buffer.size,
): Pending<ArrayBuffer> {
  const readback = new Readback(gpu, bytes);
  recorder.copyBack(buffer, readback, bytes);
  return { read: () => readback.read(bytes), [Symbol.dispose]: () => readback[Symbol.dispose]() };
}

/** Reads a whole storage buffer, or its first `bytes` bytes. */
export async function readStorage(storage: StorageBuffer, bytes?: number): Promise<ArrayBuffer> {
  using recorder = new Recorder(storage.gpu);
  using pending = copyStorageBack(recorder, storage, bytes);
  recorder.submit();
  return await pending.read();
}
