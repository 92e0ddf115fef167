import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runSpindle } from "../cli/support.ts";
import { withFolder } from "../folder.ts";

const linux = Deno.build.os === "linux";

/** Runs a command where a disk of 1 MB is mounted on a folder, which only this command sees. */
async function runOnSmallDisk(folder: string, command: string, env: Record<string, string> = {}) {
  const script = `mount -t tmpfs -o size=1m tmpfs "$FOLDER" && ${command}`;
  const { code, stdout, stderr } = await new Deno.Command("unshare", {
    args: ["--map-root-user", "--mount", "sh", "-c", script],
    env: { FOLDER: folder, ...env },
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Only where the system lets users mount something for themselves. */
async function canMount(): Promise<boolean> {
  try {
    return linux && (await runOnSmallDisk("/tmp", "true")).code === 0;
  } catch {
    return false;
  }
}

Deno.test({
  name: "kernels run where the disk that would keep them compiled is full",
  ignore: !await canMount(),
  fn: () =>
    withFolder(async (folder) => {
      const cli = fileURLToPath(new URL("../../cli.ts", import.meta.url));
      const fill = 'head -c 2M /dev/zero >"$FOLDER/full" 2>"$FOLDER/../reason"';
      const run = '"$DENO" run -q -P --no-prompt "$CLI" doctor --json';
      const disk = join(folder, "disk");
      Deno.mkdirSync(disk);
      const { code, stdout, stderr } = await runOnSmallDisk(
        disk,
        `{ ${fill}; ${run} && ls "$FOLDER" >&2; }`,
        { DENO: Deno.execPath(), CLI: cli, MESA_SHADER_CACHE_DIR: disk },
      );
      assert.equal(code, 0, stderr);
      assert.ok(JSON.parse(stdout).selfTest.passed);
      assert.ok(!/mesa_shader_cache/.test(stderr), stderr);
    }),
});

Deno.test({
  name: "kernels run without a word where their folder cannot be made",
  ignore: !linux,
  fn: () =>
    withFolder(async (folder) => {
      const file = join(folder, "file");
      Deno.writeTextFileSync(file, "");
      const env = { MESA_SHADER_CACHE_DIR: join(file, "below") };
      const { code, stdout, stderr } = await runSpindle(["doctor", "--json"], { env });
      assert.deepEqual([code, stderr], [0, ""]);
      assert.ok(JSON.parse(stdout).selfTest.passed);
    }),
});
