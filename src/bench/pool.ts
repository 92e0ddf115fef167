import type { Gpu } from "../gpu/device.ts";
import { uploadMatrix } from "../gpu/matrix.ts";
import { createStorage, uploadStorage } from "../gpu/memory.ts";
import { randomNumbers } from "../measure/numbers.ts";
import type { Problem } from "../measure/problem.ts";
import { referencePools } from "../measure/reference.ts";
import { pool } from "../ops/pool.ts";

/** First, maximum and mean of sentences of unequal lengths, `tokens` in all. */
export function poolProblem(gpu: Gpu, sentences: number, tokens: number, width: number): Problem {
  const ends = Array.from({ length: sentences }, (_, i) => cut(i + 1));
  const numbers = randomNumbers(tokens * width, 1);
  const size = 3 * sentences * width * 4;
  using onFailure = new DisposableStack();
  const x = onFailure.use(uploadMatrix(gpu, numbers, tokens, width, "x"));
  const pairs = Uint32Array.from(ends.flatMap((end, i) => [ends[i - 1] ?? 0, end]));
  const spans = onFailure.use(uploadStorage(gpu, pairs, "sentences"));
  const storage = onFailure.use(createStorage(gpu, size, "pooled"));
  const owned = onFailure.move();
  const out = { storage, offset: 0, size };
  return {
    kernel: "pool",
    shape: [sentences, tokens, width],
    work: { bytes: tokens * width * 4 + size },
    bound: 1e-5,
    variants: [{
      name: "first, max, mean",
      record: (recorder) => pool(recorder, x, spans, sentences, ["first", "max", "mean"], out),
      output: storage,
      pick: (output) => output.subarray(0, size / 4),
    }],
    expected: () => referencePools(numbers, width, ends),
    [Symbol.dispose]: () => owned.dispose(),
  };

  /** Lengths that grow: sentence i ends near (i / sentences) ** 1.5 of the tokens. */
  function cut(i: number): number {
    return Math.max(i, Math.round(tokens * (i / sentences) ** 1.5));
  }
}
