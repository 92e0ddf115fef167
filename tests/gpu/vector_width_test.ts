import assert from "node:assert/strict";
import { join } from "node:path";
import { requestGpu } from "../../src/tuning/request.ts";
import { runSpindle } from "../cli/support.ts";
import { withFolder } from "../folder.ts";

/** Only Mesa's driver can be told how wide its vectors are. */
async function isMesa(): Promise<boolean> {
  using gpu = await requestGpu();
  return gpu.adapter.description.includes("llvmpipe");
}

/** Runs `spindle doctor` on what `lscpu` says is a processor with 512-bit vectors. */
async function examine(folder: string, env: Record<string, string> = {}) {
  const program = join(folder, "lscpu");
  await Deno.writeTextFile(
    program,
    '#!/bin/sh\necho "Flags: avx512f avx512dq avx512bw avx512vl"\n',
  );
  await Deno.chmod(program, 0o755);
  const { code, stdout, stderr } = await runSpindle(["doctor", "--json"], {
    env: {
      PATH: `${folder}:${Deno.env.get("PATH")}`,
      XDG_CACHE_HOME: folder,
      MESA_SHADER_CACHE_DIR: folder,
      LP_NATIVE_VECTOR_WIDTH: "",
      ...env,
    },
  });
  assert.deepEqual([code, stderr], [0, ""]);
  const { lanes, vectors, selfTest } = JSON.parse(stdout);
  assert.ok(selfTest.passed);
  return { lanes, vectors };
}

Deno.test({
  name: "512-bit vectors are used where the processor has them and the self-test passes",
  ignore: !await isMesa(),
  fn: () =>
    withFolder(async (folder) => {
      const { lanes, vectors } = await examine(folder);
      assert.equal(lanes, 16);
      assert.match(vectors, /^512 bits/);
      const file = join(folder, "spindle", "tuning.json");
      const all = JSON.parse(await Deno.readTextFile(file));
      assert.equal(all["512-bit vectors"].selfTest, "passed");
      assert.ok((await Deno.stat(join(folder, "mesa-512"))).isDirectory);
      assert.equal((await examine(folder, { LP_NATIVE_VECTOR_WIDTH: "256" })).lanes, 8);
      const remember = async (selfTest: string) => {
        all["512-bit vectors"].selfTest = selfTest;
        await Deno.writeTextFile(file, JSON.stringify(all));
      };
      await remember("begun");
      assert.equal((await examine(folder)).lanes, 16);
      assert.equal(JSON.parse(await Deno.readTextFile(file))["512-bit vectors"].selfTest, "passed");
      for (const selfTest of ["begun again", "failed"]) {
        await remember(selfTest);
        const { lanes, vectors } = await examine(folder);
        assert.ok(lanes < 16, "as wide as the driver itself makes them");
        const told = `${32 * lanes} bits, as the self-test did not pass in 512`;
        assert.ok(vectors.startsWith(told), vectors);
      }
    }),
});
