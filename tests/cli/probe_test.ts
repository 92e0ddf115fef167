import assert from "node:assert/strict";
import { join } from "node:path";
import { float32ToBfloat16 } from "../../src/formats/float.ts";
import {
  openSafetensors,
  readFloats,
  type TensorData,
  writeSafetensors,
} from "../../src/formats/safetensors.ts";
import { withFolder } from "../folder.ts";
import { sharedPath, sharedTest } from "../shared.ts";
import { runSpindle } from "./support.ts";

interface FitLine {
  readonly C: number;
  readonly class: number;
  readonly objective: number;
  readonly gap: number;
  readonly nIter: number;
  readonly converged: boolean;
}

for (const name of ["tiny", "rare", "scales"]) {
  const file = `solver/${name}.safetensors`;
  sharedTest(
    `spindle probe reaches the certified optima of ${name}`,
    [file],
    () =>
      withFolder(async (folder) => {
        const saved = join(folder, "probes.safetensors");
        const { code, stdout, stderr } = await runSpindle(
          ["probe", sharedPath(file), "--json", "--save", saved],
        );
        assert.equal(code, 0, stderr);
        const fits: FitLine[] = JSON.parse(stdout).fits;
        using problem = openSafetensors(sharedPath(file));
        const optima = readFloats(problem, "objective");
        assert.equal(fits.length, optima.length);
        fits.forEach(({ objective, gap, converged }, i) => {
          const excess = objective / optima[i]! - 1;
          assert.ok(converged && gap <= 1e-4, `fit ${i}: gap ${gap}`);
          assert.ok(
            excess <= 1e-4 && excess <= gap + 1e-6,
            `fit ${i}: excess ${excess}, gap ${gap}`,
          );
        });
        using probes = openSafetensors(saved);
        const cols = problem.tensors.get("x")!.shape[1];
        const layout = (name: string) => {
          const { dtype, shape } = probes.tensors.get(name)!;
          return [dtype, shape];
        };
        assert.deepEqual(layout("coef"), ["F32", [fits.length, 1, cols]]);
        assert.deepEqual(layout("intercept"), ["F64", [fits.length, 1]]);
      }),
  );
}

/** Writes a problem of four rows and one column. */
function writeProblem(file: string, y: number[], c: TensorData): void {
  writeSafetensors(
    file,
    new Map([
      ["x", { dtype: "F32", shape: [4, 1], data: new Float32Array([1, 2, 3, 4]) }],
      ["y", { dtype: "I32", shape: [4], data: new Int32Array(y) }],
      ["c", c],
    ]),
  );
}

Deno.test("spindle probe uses C as written, whatever its float type", () =>
  withFolder(async (folder) => {
    const file = join(folder, "problem");
    const cases = [
      ["F32", new Float32Array([0.1, 12345.678]), [0.1, 12345.678]],
      ["F64", new Float64Array([0.1, 0.12345678901]), [0.1, 0.12345678901]],
      ["F16", new Uint16Array(new Float16Array([0.1, 2 ** -10]).buffer), [0.1, 0.000977]],
      ["BF16", float32ToBfloat16(new Float32Array([0.1, 3])), [0.1, 3]],
    ] as const;
    for (const [dtype, data, C] of cases) {
      writeProblem(file, [0, 1, 0, 1], { dtype, shape: [2], data });
      const { code, stdout, stderr } = await runSpindle(["probe", file, "--json"]);
      assert.equal(code, 0, stderr);
      assert.deepEqual(JSON.parse(stdout).fits.map((fit: FitLine) => fit.C), C, dtype);
    }
  }));

Deno.test("spindle probe saves beside the weights what they are of", () =>
  withFolder(async (folder) => {
    const [file, saved] = [join(folder, "problem"), join(folder, "probes")];
    const save = async (y: number[], ...more: string[]) => {
      writeProblem(file, y, { dtype: "F32", shape: [2], data: new Float32Array([0.1, 3]) });
      const { code, stderr } = await runSpindle(["probe", file, "--save", saved, ...more]);
      assert.equal(code, 0, stderr);
      using probes = openSafetensors(saved);
      return { metadata: Object.fromEntries(probes.metadata), coef: probes.tensors.get("coef")! };
    };
    const two = await save([7, -2, 7, -2]);
    assert.deepEqual(two.coef.shape, [2, 1, 1]);
    const defaults = { l1Ratio: "1", scale: "raw", tolerance: "0.0001" };
    assert.deepEqual(two.metadata, { C: "[0.1,3]", classes: "[-2,7]", ...defaults });
    const choices = { l1Ratio: "0.5", scale: "standardized", tolerance: "0.01" };
    const given = ["--l1-ratio", "0.5", "--scale", "standardized", "--tolerance", "1e-2"];
    const three = await save([7, 0, 7, -2], ...given);
    assert.deepEqual(three.coef.shape, [2, 3, 1]);
    assert.deepEqual(three.metadata, { C: "[0.1,3]", classes: "[-2,0,7]", ...choices });
  }));

Deno.test("spindle probe keeps the columns of its table apart", () =>
  withFolder(async (folder) => {
    const file = join(folder, "problem");
    const data = new Float64Array([1, 0.12345678901]);
    writeProblem(file, [7, 123456790, 7, 123456790], { dtype: "F64", shape: [2], data });
    const { code, stdout, stderr } = await runSpindle(["probe", file]);
    assert.equal(code, 0, stderr);
    const rows = stdout.trimEnd().split("\n").map((line) => line.trim().split(/ {2,}/));
    assert.deepEqual(rows[0], ["C", "class", "objective", "gap", "nonzeros", "steps"]);
    assert.deepEqual(rows.slice(1).map(([C, label]) => [C, label]), [
      ["1", "123456790"],
      ["0.12345678901", "123456790"],
    ]);
  }));

Deno.test("spindle probe says in one line what it cannot fit", () =>
  withFolder(async (folder) => {
    const write = (name: string, x: number[], y: number[], c?: number[]) => {
      const path = join(folder, name);
      const rows = y.length;
      writeSafetensors(
        path,
        new Map([
          ["x", { dtype: "F32", shape: [rows, x.length / rows], data: new Float32Array(x) }],
          ["y", { dtype: "I32", shape: [rows], data: new Int32Array(y) }],
          ...(c ? [["c", { dtype: "F32", shape: c, data: new Float32Array(c[0]!) }] as const] : []),
        ]),
      );
      return path;
    };
    const good = write("good", [1, 2, 3, 4], [0, 1, 0, 1]);
    const link = join(folder, "link");
    Deno.symlinkSync(good, link);
    const cases: [args: string[], code: number, message: RegExp][] = [
      [[], 2, /without FILE/],
      [[good, "--l1-ratio", "2"], 2, /at most 1/],
      [[good, "--tolerance", "0"], 2, /above 0/],
      [[join(folder, "absent")], 1, /does not exist/],
      [[good, "--save", good], 1, /Cannot save over the features in ".*good": name another file/],
      [[link, "--save", good], 1, /Cannot save over the features/],
      [[good, "--save", link], 1, /Cannot save over the features/],
      [[write("nan", [1, NaN, 3, 4], [0, 1, 0, 1])], 1, /NaN/],
      [[write("one", [1, 2, 3, 4], [1, 1, 1, 1])], 1, /class/],
      [[write("no-c", [1, 2, 3, 4], [0, 1, 0, 1], [0])], 1, /as c is \[0\]: it must be \[n\]/],
      [[write("two-c", [1, 2, 3, 4], [0, 1, 0, 1], [2, 1])], 1, /as c is \[2, 1\]: it must/],
    ];
    for (const [args, expected, message] of cases) {
      const { code, stdout, stderr } = await runSpindle(["probe", ...args]);
      assert.deepEqual([code, stdout], [expected, ""], stderr);
      assert.match(stderr, /^spindle: [^\n]+\n$/);
      assert.match(stderr, message);
    }
    const slow = await runSpindle(["probe", good, "--max-iterations", "1", "--json"]);
    assert.equal(JSON.parse(slow.stdout).fits.length, 5);
    assert.match(
      slow.stderr,
      /^\d of 5 models \(C [^\n]+ did not converge to a gap of [^\n]+; allow more iterations, [^\n]+\n$/,
    );
    const apart = join(folder, "apart");
    const C = new Float64Array([1e8, 1e12]);
    writeProblem(apart, [0, 0, 1, 1], { dtype: "F64", shape: [2], data: C });
    const exact = await runSpindle(["probe", apart, "--tolerance", "1e-14", "--json"]);
    const fits: FitLine[] = JSON.parse(exact.stdout).fits;
    assert.ok(fits.every(({ nIter }) => nIter < 200));
    assert.match(exact.stderr, /; no step led further in float32, [^\n]+\n$/);
    const ridge = await runSpindle(["probe", good, "--l1-ratio", "0"]);
    assert.equal(ridge.code, 0, ridge.stderr);
  }));
