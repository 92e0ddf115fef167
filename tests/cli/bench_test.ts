import assert from "node:assert/strict";
import { join } from "node:path";
import { withFolder } from "../folder.ts";
import { runSpindle } from "./support.ts";

Deno.test("spindle bench --json prints what was measured, --compare the ratios to a saved run", async () => {
  await withFolder(async (folder) => {
    const file = join(folder, "before.json");
    const first = await runSpindle(["bench", "norm", "--rounds", "1", "--json", "--save", file]);
    assert.equal(first.code, 0, first.stderr);
    const document = JSON.parse(first.stdout);
    assert.deepEqual(document, JSON.parse(await Deno.readTextFile(file)));
    assert.ok(document.peak.gflops > 0 && document.peak.gbps > 0);
    const [result, ...others] = document.results;
    assert.deepEqual([others, document.peers], [[], []]);
    assert.deepEqual([result.kernel, result.shape, result.correct], ["norm", [2048, 384], true]);
    assert.ok(result.maxError < 1e-5 && result.medianMs > 0 && result.gbps > 0);
    const second = await runSpindle(["bench", "norm", "--rounds", "1", "--compare", file]);
    assert.equal(second.code, 0, second.stderr);
    assert.match(second.stdout, /norm +2048 x 384 +layer norm +[\d.]+ ms +[\d.]+ ms +[\d.]+ x/);
  });
});

Deno.test("spindle bench refuses an unknown kernel, and suggests the nearest", async () => {
  const { code, stdout, stderr } = await runSpindle(["bench", "matmull"]);
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /^spindle: Cannot measure "matmull": did you mean "matmul"\?\n$/);
});

Deno.test("spindle bench --peers says which permissions it needs before it fetches", async () => {
  const { code, stdout, stderr } = await runSpindle(["bench", "matmul", "--peers"]);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(
    stderr,
    /^spindle: Cannot measure peers without the permission "\w+": start with "deno run -A/,
  );
});

Deno.test("spindle bench --peers refuses kernels that others do not have", async () => {
  const { code, stdout, stderr } = await runSpindle(["bench", "norm", "pool", "--peers"]);
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /^spindle: Cannot use --peers with norm, pool: others have matmul/);
});

Deno.test("spindle bench refuses what is for the forward pass where it is not measured", async () => {
  for (const option of ["--sentences", "--onnx"]) {
    const args = ["bench", "norm", "matmul", "--peers", option, "5"];
    const { code, stdout, stderr } = await runSpindle(args);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.equal(stderr, `spindle: Cannot use ${option} with matmul, norm: it is for forward\n`);
  }
});

Deno.test("spindle bench --compare refuses a file that holds no results", async () => {
  await withFolder(async (folder) => {
    const file = join(folder, "other.json");
    const whole = { kernel: "norm", variant: "", shape: [1], medianMs: 1, share: 1, correct: true };
    const edits = [
      { medianMs: "1" },
      { medianMs: -1 },
      { medianMs: null },
      { share: 0 },
      { shape: [0] },
      { shape: ["1"] },
      { correct: "yes" },
    ];
    const broken = [
      {},
      { device: {}, results: [null] },
      ...edits.map((edit) => ({ device: {}, results: [{ ...whole, ...edit }] })),
    ];
    for (const content of broken) {
      await Deno.writeTextFile(file, JSON.stringify(content));
      const { code, stderr } = await runSpindle(["bench", "norm", "--compare", file]);
      assert.equal(code, 1);
      assert.match(stderr, /^spindle: Cannot compare with ".*other.json" as it holds no results/);
    }
  });
});

Deno.test("spindle bench --save says before the run that a file cannot be written", async () => {
  await withFolder(async (folder) => {
    for (const file of [folder, join(folder, "none", "file.json")]) {
      const { code, stdout, stderr } = await runSpindle(["bench", "norm", "--save", file]);
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(stderr, /^spindle: Cannot write "[^\n]+\n$/);
    }
  });
});

Deno.test("spindle bench forward tells each round, and leaves out runs far above its sentences", async () => {
  const args = ["bench", "forward", "--sentences", "2", "--rounds", "2", "--json"];
  const { code, stdout, stderr } = await runSpindle(args);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^bench: forward, 2 sentences against float64$/m);
  assert.match(stderr, /^bench: forward, 2 sentences, round 2 of 2$/m);
  const { results } = JSON.parse(stdout);
  assert.deepEqual(results.map(({ shape }: { shape: number[] }) => shape[0]), [2]);
});
