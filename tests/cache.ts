import { tmpdir } from "node:os";
import { join } from "node:path";
import { withFolder } from "./folder.ts";

/**
 * Runs `body` with an empty cache folder in the place of the user's; compiled kernels stay there.
 */
export async function withCache(body: (folder: string) => Promise<void>): Promise<void> {
  const before = Deno.env.get("XDG_CACHE_HOME");
  const compiledBefore = Deno.env.get("MESA_SHADER_CACHE_DIR");
  const home = Deno.env.get("HOME") || tmpdir();
  const compiled = compiledBefore || before || join(home, ".cache");
  await withFolder(async (folder) => {
    using owned = new DisposableStack();
    owned.defer(() => setVariable("XDG_CACHE_HOME", before));
    owned.defer(() => setVariable("MESA_SHADER_CACHE_DIR", compiledBefore));
    Deno.env.set("XDG_CACHE_HOME", folder);
    // Mesa would go on writing to a folder that the test has removed.
    Deno.env.set("MESA_SHADER_CACHE_DIR", compiled);
    await body(folder);
  });
}

function setVariable(name: string, value: string | undefined): void {
  if (value === undefined) Deno.env.delete(name);
  else Deno.env.set(name, value);
}
