import process from "node:process";
import type { Gpu } from "../gpu/device.ts";
import { createStorage, type StorageBuffer } from "../gpu/memory.ts";
import { Readback } from "../gpu/readback.ts";
import { Recorder } from "../gpu/recorder.ts";

/** What measures a piece of work: the GPU's own timestamps, or the host's clock around it. */
export type Clock = "timestamps" | "wall";

/** Measures submitted work. Dispose it to free its memory. */
export interface Stopwatch extends Disposable {
  readonly clock: Clock;
  /** Runs what is recorded `repeats` times as one piece of work; returns milliseconds a time. */
  time(record: (recorder: Recorder) => void, repeats: number): Promise<Timing>;
}

/** Milliseconds that one run took. */
export interface Timing {
  readonly wall: number;
  /** Not a number without timestamps. */
  readonly timestamps: number;
  /**
   * What this process used of each processor on average. It is what a software driver took, even
   * where other programs kept it waiting.
   */
  readonly processor: number;
}

/** Measures what the host does, by its own clocks. */
export async function timeHost(work: () => unknown): Promise<Timing> {
  const before = process.cpuUsage();
  const start = performance.now();
  await work();
  const wall = performance.now() - start;
  const { user, system } = process.cpuUsage(before);
  const processor = (user + system) / 1000 / navigator.hardwareConcurrency;
  return { wall, timestamps: NaN, processor };
}

/** The time of one of `repeats` equal runs. */
export function divideTiming({ wall, timestamps, processor }: Timing, repeats: number): Timing {
  return {
    wall: wall / repeats,
    timestamps: timestamps / repeats,
    processor: processor / repeats,
  };
}

/** Timestamps count where they tell nearly what the host's clock tells about long work. */
const saneRatio = [0.7, 1.05] as const;
/** Work of this length hides what submitting it costs, in milliseconds. */
export const pieceMilliseconds = 25;

/**
 * Starts a stopwatch that uses timestamps where the device has them and they are sane.
 *
 * @param probe Any work, to compare the two clocks with.
 */
export async function startStopwatch(
  gpu: Gpu,
  probe: (recorder: Recorder) => void,
): Promise<Stopwatch> {
  if (!gpu.device.features.has("timestamp-query")) return new WallStopwatch(gpu);
  using onFailure = new DisposableStack();
  const stopwatch = onFailure.use(new TimestampStopwatch(gpu));
  const repeats = await repeatsOf(stopwatch, probe);
  if (!await clocksAgree(() => stopwatch.time(probe, repeats))) return new WallStopwatch(gpu);
  onFailure.move();
  return stopwatch;
}

/** Whether timestamps are sane one time of some: other programs may hold the host up. */
export async function clocksAgree(time: () => Promise<Timing>): Promise<boolean> {
  const [low, high] = saneRatio;
  for (let tries = 5; tries > 0; tries--) {
    const { wall, timestamps } = await time();
    if (timestamps > low * wall && timestamps < high * wall) return true;
  }
  return false;
}

/** How often a piece of work is repeated so that it takes so many milliseconds to be measured. */
export async function repeatsOf(
  stopwatch: Stopwatch,
  record: (recorder: Recorder) => void,
  milliseconds = pieceMilliseconds,
): Promise<number> {
  await stopwatch.time(record, 1); // compiles
  const time = async (repeats: number) => (await stopwatch.time(record, repeats))[stopwatch.clock];
  let repeats = 1;
  while (repeats < mostRepeats) {
    // Twice, for other programs may have held one up.
    const needed = milliseconds / Math.min(await time(repeats), await time(repeats));
    if (needed <= repeats) break;
    // Once more after that: a short piece mostly tells what it costs to submit it.
    repeats = Math.min(mostRepeats, Math.max(2 * repeats, Math.ceil(needed)));
  }
  return repeats;
}

const mostRepeats = 1000;

/** Tells by the host's clocks when what is copied behind the work can be read. */
export class WallStopwatch implements Stopwatch {
  readonly clock = "wall";
  readonly #copied: StorageBuffer;
  readonly #readback: Readback;

  constructor(readonly gpu: Gpu) {
    this.#copied = createStorage(gpu, 16, "stopwatch");
    this.#readback = new Readback(gpu, 16);
  }

  async time(record: (recorder: Recorder) => void, repeats: number): Promise<Timing> {
    using recorder = new Recorder(this.gpu);
    for (let i = 0; i < repeats; i++) record(recorder);
    recorder.copyBack(this.#copied.buffer, this.#readback, 16);
    const timing = await timeHost(async () => {
      recorder.submit();
      await this.#readback.read(16);
    });
    return divideTiming(timing, repeats);
  }

  [Symbol.dispose](): void {
    this.#copied[Symbol.dispose]();
    this.#readback[Symbol.dispose]();
  }
}

/** Empty passes before and after the work write the timestamps: a queue keeps its order. */
class TimestampStopwatch implements Stopwatch {
  readonly clock = "timestamps";
  readonly #querySet: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #readback: Readback;

  constructor(readonly gpu: Gpu) {
    const { device } = gpu;
    this.#querySet = device.createQuerySet({ type: "timestamp", count: 2 });
    this.#resolved = device.createBuffer({
      size: 16,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
    this.#readback = new Readback(gpu, 16);
  }

  async time(record: (recorder: Recorder) => void, repeats: number): Promise<Timing> {
    using recorder = new Recorder(this.gpu);
    for (let i = 0; i < repeats; i++) record(recorder);
    const before = this.#mark(0).finish();
    const end = this.#mark(1);
    end.resolveQuerySet(this.#querySet, 0, 2, this.#resolved, 0);
    end.copyBufferToBuffer(this.#resolved, 0, this.#readback.target, 0, 16);
    const after = end.finish();
    let marks = new ArrayBuffer(16);
    const timing = await timeHost(async () => {
      // In one piece, so that nothing of the host's stands between the timestamps.
      recorder.submit([before], [after]);
      marks = await this.#readback.read(16);
    });
    const [begun, ended] = new BigUint64Array(marks);
    const timestamps = Number(ended! - begun!) / 1e6;
    return divideTiming({ ...timing, timestamps }, repeats);
  }

  #mark(index: number): GPUCommandEncoder {
    const encoder = this.gpu.device.createCommandEncoder();
    const at = index === 0 ? { endOfPassWriteIndex: 0 } : { beginningOfPassWriteIndex: 1 };
    encoder.beginComputePass({ timestampWrites: { querySet: this.#querySet, ...at } }).end();
    return encoder;
  }

  [Symbol.dispose](): void {
    this.#querySet.destroy();
    this.#resolved.destroy();
    this.#readback[Symbol.dispose]();
  }
}
