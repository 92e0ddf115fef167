import type { Gpu } from "../gpu/device.ts";
import { wantedLimits } from "../gpu/request.ts";
import { tuningOf } from "../gpu/tuning.ts";
import { explainVectorWidth } from "../gpu/vector_width.ts";
import { requestGpu } from "../tuning/request.ts";
import { checkLinear } from "../tuning/self_test.ts";
import { defineCommand } from "./command.ts";
import { print } from "./terminal.ts";

/** `spindle doctor`. */
export const command = defineCommand({
  name: "doctor",
  summary: "Show the GPU that is used and check that it computes correctly",
  positionals: {},
  options: { json: { type: "flag", description: "Print one JSON document" } },
  example: "doctor",
  async run({ json }) {
    using gpu = await requestGpu();
    const diagnosis = await examine(gpu);
    print(json ? JSON.stringify(diagnosis, null, 2) : describe(diagnosis));
    return diagnosis.selfTest.passed ? 0 : 1;
  },
});

async function examine(gpu: Gpu) {
  return {
    deno: Deno.version.deno,
    system: `${Deno.build.os} ${Deno.build.arch}`,
    processors: navigator.hardwareConcurrency,
    adapter: gpu.adapter,
    lanes: gpu.lanes,
    storage: gpu.storage,
    ...(gpu.adapter.software && { vectors: explainVectorWidth(gpu) }),
    kernels: tuningOf(gpu) ?? {},
    features: gpu.features.toSorted(),
    limits: Object.fromEntries(wantedLimits.map((name) => [name, gpu.device.limits[name]])),
    selfTest: await checkLinear(gpu),
  };
}

function describe(diagnosis: Awaited<ReturnType<typeof examine>>): string {
  const { adapter, selfTest } = diagnosis;
  const kind = adapter.software ? "software: the processor does the work" : "hardware";
  const chosen = Object.entries(diagnosis.kernels).map(([kernel, name]) => `${kernel} ${name}`);
  const rows: [string, string][] = [
    ["Deno", `${diagnosis.deno}, ${diagnosis.system}, ${diagnosis.processors} processors`],
    ["Adapter", `${adapter.description} (vendor ${adapter.vendor || "not told"}), ${kind}`],
    ["Matrices", `in ${diagnosis.storage}s, ${diagnosis.lanes} lanes a workgroup`],
    ...(diagnosis.vectors ? [["Vectors", diagnosis.vectors] as [string, string]] : []),
    ["Kernels", chosen.join(", ") || "not timed yet: that is when a model is first loaded"],
    ["Features", diagnosis.features.join(" ") || "none"],
    ...Object.entries(diagnosis.limits).map(([name, limit], i): [string, string] => [
      i === 0 ? "Limits" : "",
      `${name} ${limit.toLocaleString("en-US")}`,
    ]),
    [
      "Self-test",
      `${selfTest.passed ? "passed" : "FAILED"}: linear layer ${selfTest.shape.join(" x ")}, ` +
      `largest difference ${selfTest.largestDifference.toExponential(1)} of at most ` +
      selfTest.bound.toExponential(1),
    ],
  ];
  return rows.map(([name, value]) => `${name.padEnd(11)}${value}`).join("\n");
}
