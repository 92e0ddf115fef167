import assert from "node:assert/strict";
import { formatSeconds, progressLine } from "../../src/cli/progress.ts";
import { runCode, runCodeOnTerminal } from "./support.ts";

Deno.test("progressLine() shows share, count, rate and the time left", () => {
  assert.equal(
    progressLine("extract train", 40_000, 120_000, "tokens", 10),
    "extract train: 33 %, 40,000 of 120,000 tokens, 4,000 tokens/s, 20 s left",
  );
});

Deno.test("progressLine() promises no time before anything is done", () => {
  assert.equal(progressLine("probe", 0, 195, "probes", 3), "probe: 0 %, 0 of 195 probes");
  assert.equal(progressLine("probe", 0, 0, "probes", 0), "probe: 100 %, 0 of 0 probes");
});

Deno.test("formatSeconds() says durations as people do", () => {
  const shown = [0.04, 9.94, 9.96, 59.4, 59.6, 200, 3599.7, 7500].map(formatSeconds);
  assert.deepEqual(shown, [
    "0.0 s",
    "9.9 s",
    "10 s",
    "59 s",
    "1 min 0 s",
    "3 min 20 s",
    "1 h 0 min",
    "2 h 5 min",
  ]);
});

Deno.test("startProgress() prints plain lines on stderr where it is no terminal", async () => {
  const { code, stdout, stderr } = await runCode(`
    import { startProgress } from "CLI/progress.ts";
    import { print } from "CLI/terminal.ts";
    using progress = startProgress("extract train", 1000, "tokens");
    for (let done = 0; done <= 1000; done += 10) progress.update(done);
    print("result");
    progress.finish();
  `);
  assert.deepEqual([code, stdout], [0, "result\n"]);
  assert.match(stderr, /^extract train: 1,000 tokens in [\d.]+ s, [\d,]+ tokens\/s\n$/);
});

Deno.test("startProgress() redraws one line on a terminal, but not on a dumb one", async () => {
  const code = `
    import { startProgress } from "CLI/progress.ts";
    using progress = startProgress("extract train", 1000, "tokens");
    for (let done = 0; done <= 1000; done += 10) progress.update(done);
    progress.finish();
  `;
  const smart = await runCodeOnTerminal("xterm", code);
  assert.ok(smart.stderr.includes("\r\x1b[2Kextract train: 0 %"), smart.stderr);
  const dumb = await runCodeOnTerminal("dumb", code);
  assert.match(dumb.stderr, /^extract train: 1,000 tokens in [\d.]+ s, [\d,]+ tokens\/s\n$/);
});
