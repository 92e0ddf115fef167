import type { BenchDocument, BenchResult, PeerResult, Rate } from "./document.ts";

/** Lays a run out as a table for people. */
export function describeBench({ device, peak, results, peers }: BenchDocument): string {
  const kind = device.software ? "software" : "hardware";
  const head = [
    `${device.description} (${kind}), ${device.processors} processors, matrices in ` +
    `${device.storage}s, ${device.lanes} lanes; timed by ${
      device.clock === "wall" ? "the host's clock" : "GPU timestamps"
    }`,
    `peak: ${peak.gflops.toFixed(1)} GFLOP/s multiply-add, ${peak.gbps.toFixed(1)} GB/s copy`,
  ];
  const table = columns([
    ["kernel", "shape", "variant", "median ms", "best ms", "rate", "of peak", "error", ""],
    ...results.map(resultRow),
  ]);
  if (peers.length === 0) return [...head, "", ...table].join("\n");
  const others = columns([
    ["kernel", "shape", "peer", "threads", "median ms", "rate", "Spindle is", "error", ""],
    ...peers.map(peerRow),
  ]);
  return [...head, "", ...table, "", ...others].join("\n");
}

function resultRow(result: BenchResult): string[] {
  const { kernel, shape, variant, medianMs, bestMs, share, maxError, correct } = result;
  const what = [kernel, shape.join(" x "), variant];
  if (!correct) return [...what, "", "", "WRONG", "", maxError.toExponential(1), "not timed"];
  return [
    ...what,
    medianMs.toFixed(2),
    bestMs.toFixed(2),
    formatRate(result, result.tokensPerSecond),
    `${(100 * share).toFixed(0)} %`,
    maxError.toExponential(1),
    noteOf(result),
  ];
}

function noteOf({ lesson = "", gain, overhead }: BenchResult): string {
  if (overhead) {
    const [idle, dispatch] = [overhead.idle, overhead.dispatch].map((share) =>
      `${(100 * share).toFixed(1)} %`
    );
    return `overhead: GPU idle ${idle}, dispatches ${dispatch}`;
  }
  return gain === undefined ? lesson : `${gain.toFixed(2)} x: ${lesson}`;
}

function peerRow(peer: PeerResult): string[] {
  const what = [peer.kernel, peer.shape.join(" x "), peer.name];
  if (peer.reason !== undefined) return [...what, "", "", "did not run", peer.reason];
  return [
    ...what,
    `${peer.threads ?? ""}`,
    peer.medianMs!.toFixed(2),
    formatRate(peer, peer.tokensPerSecond),
    `${peer.ratio!.toFixed(2)} x as fast`,
    peer.maxError?.toExponential(1) ?? "",
    peer.part ?? "",
  ];
}

function formatRate({ gflops, gbps }: Rate, tokensPerSecond: number | undefined): string {
  const rate = gflops === undefined ? `${gbps!.toFixed(2)} GB/s` : `${gflops.toFixed(2)} GFLOP/s`;
  if (tokensPerSecond === undefined) return rate;
  return `${Math.round(tokensPerSecond).toLocaleString("en-US")} tokens/s, ${rate}`;
}

/** Compares a run with an earlier one: how many times as fast each variant is now. */
export function compareBenches(now: BenchDocument, before: BenchDocument): string {
  const earlier = new Map(before.results.map((result) => [keyOf(result), result]));
  const rows = now.results.flatMap((result) => {
    const old = earlier.get(keyOf(result));
    if (!old?.correct || !result.correct) return [];
    const [was, is] = [old, result].map(({ medianMs }) => medianMs.toFixed(2));
    return [[
      result.kernel,
      result.shape.join(" x "),
      result.variant,
      `${was} ms`,
      `${is} ms`,
      `${(old.medianMs / result.medianMs).toFixed(2)} x`,
      `${(result.share / old.share).toFixed(2)} x`,
    ]];
  });
  const head = [["kernel", "shape", "variant", "before", "now", "speed", "share of peak"]];
  const table = rows.length
    ? columns([...head, ...rows])
    : ["The two runs have nothing in common."];
  return [...deviceChanges(now.device, before.device), ...table].join("\n");
}

/** In what the devices of two runs differ, a line each. */
function deviceChanges(
  now: BenchDocument["device"],
  before: BenchDocument["device"],
): string[] {
  const keys = Object.keys(now) as (keyof typeof now)[];
  return keys.flatMap((key) => {
    const [is, was] = [now[key], before[key]].map((value) => JSON.stringify(value));
    return is === was ? [] : [`The earlier run had another ${key}: ${was ?? "unknown"}, now ${is}`];
  });
}

function keyOf({ kernel, variant, shape }: BenchResult): string {
  return JSON.stringify([kernel, variant, shape]);
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i]!)).join("  ").trimEnd());
}
