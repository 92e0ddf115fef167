import type { AdapterDescription } from "../gpu/device.ts";
import type { Tuning } from "../gpu/tuning.ts";
import type { KernelName } from "../measure/problem.ts";
import type { Clock } from "../measure/stopwatch.ts";

/** What a run of `spindle bench` found: what `--json` prints and `--save` writes. */
export interface BenchDocument {
  readonly device: AdapterDescription & {
    readonly lanes: number;
    readonly storage: string;
    readonly processors: number;
    readonly deno: string;
    /** What kernels are timed by; forward passes and peers by the host's clock. */
    readonly clock: Clock;
    /** Which variant of each hot kernel was in use. */
    readonly tuning: Tuning;
  };
  /**
   * The device's own peaks, each the best of all rounds: multiply-adds, and a copy. Of a software
   * driver by processor time: what it can do where it does not have to wait.
   */
  readonly peak: { readonly gflops: number; readonly gbps: number };
  /** How often each variant was timed. */
  readonly rounds: number;
  readonly results: readonly BenchResult[];
  readonly peers: readonly PeerResult[];
}

/** What was measured of one variant on one shape. */
export interface BenchResult extends Rate {
  readonly kernel: KernelName;
  readonly variant: string;
  readonly shape: readonly number[];
  readonly medianMs: number;
  readonly bestMs: number;
  /**
   * The median over the rounds of the rate over what the peak kernel reached in the same round; of
   * a software driver by processor time, which other programs do not disturb.
   */
  readonly share: number;
  /** The largest difference from the float64 reference, in units of max(1, largest value). */
  readonly maxError: number;
  /** Whether `maxError` is within what rounding explains; where not, nothing was timed. */
  readonly correct: boolean;
  /** For a step of a ladder: what it changes, and how much faster it is than what it changes. */
  readonly lesson?: string;
  readonly gain?: number;
  readonly tokensPerSecond?: number;
  /** Of a forward pass: shares of the wall time. */
  readonly overhead?: {
    /** The GPU had nothing to do. */
    readonly idle: number;
    /** As many dispatches of a kernel that does nothing take. */
    readonly dispatch: number;
  };
}

/** Of the median: operations or bytes a nanosecond. */
export interface Rate {
  readonly gflops?: number;
  readonly gbps?: number;
}

/** What was measured of another library on the same shape and in the same rounds. */
export interface PeerResult {
  readonly name: string;
  readonly kernel: KernelName;
  readonly shape: readonly number[];
  /** Threads of a library that computes on the processor. */
  readonly threads?: number;
  /** Absent where it did not run. */
  readonly gflops?: number;
  readonly medianMs?: number;
  readonly tokensPerSecond?: number;
  /** How many times as fast the project's own kernel is. */
  readonly ratio?: number;
  readonly maxError?: number;
  /** Where it ran less than the project's own kernel: what of it. */
  readonly part?: string;
  /** Why it did not run. */
  readonly reason?: string;
}
