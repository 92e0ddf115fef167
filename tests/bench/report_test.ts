import assert from "node:assert/strict";
import type { BenchDocument, BenchResult } from "../../src/bench/document.ts";
import { compareBenches } from "../../src/bench/report.ts";

const device: BenchDocument["device"] = {
  vendor: "",
  description: "",
  software: true,
  lanes: 8,
  storage: "texture",
  processors: 2,
  deno: "2.9.6",
  clock: "wall",
  tuning: {},
};

function bench(results: Partial<BenchResult>[], lanes = 8): BenchDocument {
  const usual = { kernel: "norm", variant: "a", shape: [1], bestMs: 1, maxError: 0 } as const;
  return {
    device: { ...device, lanes },
    peak: { gflops: 1, gbps: 1 },
    rounds: 1,
    results: results.map((each) => ({
      ...usual,
      medianMs: 1,
      share: 0.5,
      correct: true,
      ...each,
    })),
    peers: [],
  };
}

Deno.test("compareBenches() says how many times as fast each variant is now", () => {
  const now = bench([{ medianMs: 1, share: 0.6 }, { variant: "b" }, { variant: "c" }], 16);
  const before = bench([{ medianMs: 2, share: 0.2 }, { variant: "b", correct: false }]);
  const lines = compareBenches(now, before).split("\n");
  assert.equal(lines[0], "The earlier run had another lanes: 8, now 16");
  assert.equal(lines.length, 3);
  assert.match(lines[2]!, /^norm +1 +a +2\.00 ms +1\.00 ms +2\.00 x +3\.00 x$/);
});
