import type { Gpu } from "../gpu/device.ts";
import type { Dispatch } from "../gpu/dispatch.ts";
import { Readback } from "../gpu/readback.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { type Stopwatch, timeHost, type Timing } from "../measure/stopwatch.ts";

/** What a piece of work took, and how much of it was overhead. */
interface OverheadTiming extends Timing {
  /** The share of the wall time in which the GPU had nothing to do. */
  readonly idle: number;
  /** The share of the wall time that as many dispatches of a kernel that does nothing take. */
  readonly dispatch: number;
}

/** Submissions that are measured at most: a query set holds no more than two marks of each. */
const mostSubmissions = 2048;

/**
 * Times work that submits many pieces: timestamps before and after each tell when the GPU worked.
 * It takes a device with timestamps.
 *
 * @param dispatchMs What a dispatch costs, see {@linkcode timeDispatch}.
 */
export async function timeOverhead(
  gpu: Gpu,
  dispatchMs: number,
  work: () => Promise<unknown>,
): Promise<OverheadTiming> {
  using marks = new Marks(gpu);
  let dispatches = 0;
  using restored = new DisposableStack();
  const { submit } = GPUQueue.prototype;
  GPUQueue.prototype.submit = function (commands) {
    // In one piece: a driver may hold a submission up until the one before is done.
    const before = marks.next();
    submit.call(this, [before, ...commands, marks.next()]);
  };
  restored.defer(() => GPUQueue.prototype.submit = submit);
  const { dispatchWorkgroups } = GPUComputePassEncoder.prototype;
  GPUComputePassEncoder.prototype.dispatchWorkgroups = function (...workgroups) {
    dispatches++;
    dispatchWorkgroups.apply(this, workgroups);
  };
  restored.defer(() => GPUComputePassEncoder.prototype.dispatchWorkgroups = dispatchWorkgroups);
  const timing = await timeHost(work);
  restored.dispose();
  const busy = await marks.betweenPairs();
  return {
    ...timing,
    idle: 1 - busy / timing.wall,
    dispatch: dispatches * dispatchMs / timing.wall,
  };
}

/** Timestamps that empty passes write, one after the other. */
class Marks implements Disposable {
  readonly #querySet: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  #count = 0;

  constructor(readonly gpu: Gpu) {
    const count = 2 * mostSubmissions;
    this.#querySet = gpu.device.createQuerySet({ type: "timestamp", count });
    const usage = GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC;
    this.#resolved = gpu.device.createBuffer({ size: 8 * count, usage });
  }

  next(): GPUCommandBuffer {
    const encoder = this.gpu.device.createCommandEncoder();
    const timestampWrites = { querySet: this.#querySet, endOfPassWriteIndex: this.#count++ };
    encoder.beginComputePass({ timestampWrites }).end();
    return encoder.finish();
  }

  /** Milliseconds from each mark of an even number to the next, summed. */
  async betweenPairs(): Promise<number> {
    using readback = new Readback(this.gpu, 8 * this.#count);
    const encoder = this.gpu.device.createCommandEncoder();
    encoder.resolveQuerySet(this.#querySet, 0, this.#count, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, readback.target, 0, 8 * this.#count);
    this.gpu.device.queue.submit([encoder.finish()]);
    const times = new BigUint64Array(await readback.read(8 * this.#count));
    return times.reduce((sum, time, i) => sum + (i % 2 ? 1 : -1) * Number(time - times[0]!), 0) /
      1e6;
  }

  [Symbol.dispose](): void {
    this.#querySet.destroy();
    this.#resolved.destroy();
  }
}

/** A kernel that does nothing. */
export const nothing: Dispatch = {
  label: "nothing",
  code: "@compute @workgroup_size(1) fn main() {}",
  workgroups: [1],
};

/** Milliseconds of a dispatch of {@linkcode nothing}, among many. */
export async function timeDispatch(stopwatch: Stopwatch): Promise<number> {
  const record = (recorder: Recorder) => recorder.dispatch(nothing);
  await stopwatch.time(record, 1); // compiles
  return (await stopwatch.time(record, 1000)).timestamps;
}
