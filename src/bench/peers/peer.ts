/** A peer that is ready to compute. */
export interface ReadyPeer {
  /** Threads that it computes on, where it computes on the processor. */
  readonly threads?: number;
  /** Computes so many times and waits for the last result, which it returns. */
  run(repeats: number): Promise<ArrayLike<number>>;
  dispose(): void | Promise<void>;
}

/** Another library that computes what a kernel does. */
export interface Peer<Numbers> {
  readonly name: string;
  prepare(numbers: Numbers): Promise<ReadyPeer>;
}
