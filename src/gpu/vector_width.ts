import { join } from "node:path";
import { cacheFolder } from "../formats/cache_folder.ts";
import { attempt, isGranted } from "../util.ts";
import type { Gpu } from "./device.ts";
import { recall, remember, type Remembered } from "./remembered.ts";

/**
 * Mesa's software driver works on vectors of at most 256 bits unless this variable says otherwise,
 * even on processors with twice that. It reads it once, when the first adapter is requested.
 */
export const widthVariable = "LP_NATIVE_VECTOR_WIDTH";
/** Where Mesa keeps compiled kernels, without telling those for different widths apart. */
export const compiledVariable = "MESA_SHADER_CACHE_DIR";

const name = "512-bit vectors";

/** Has Mesa's software driver use 512-bit vectors where the processor has them and they work. */
export function chooseVectorWidth(): void {
  if (Deno.build.os !== "linux") return; // without Mesa's driver
  if (
    ![widthVariable, compiledVariable].every((variable) => isGranted({ name: "env", variable }))
  ) {
    return;
  }
  const chosen = Deno.env.get(widthVariable);
  const compiled = Deno.env.get(compiledVariable);
  if (chosen && compiled) return;
  const works = mayBeTried(recallSelfTest()?.selfTest);
  const width = chosen || (works && processorHas512Bits() ? "512" : undefined);
  const parent = compiled || cacheFolder();
  if (!width || !parent) return;
  const folder = join(parent, `mesa-${width}`);
  if (!isGranted({ name: "write", path: folder })) return;
  try {
    Deno.mkdirSync(folder, { recursive: true });
    Deno.env.set(compiledVariable, folder);
    Deno.env.set(widthVariable, width);
  } catch { /* nowhere to keep what is compiled for another width: the usual one serves too */ }
}

/** Forgets how the self-test ended, so that it is run again. */
export function forgetVectorWidth(): void {
  if (recallSelfTest()) rememberSelfTest({});
}

/** What decided about the vectors of a software driver, in words for the user. */
export function explainVectorWidth({ lanes }: Gpu): string {
  if (lanes === 16) return `512 bits; ${widthVariable}=256 makes it 256`;
  const state = recallSelfTest()?.selfTest;
  if (!mayBeTried(state)) {
    return `${32 * lanes} bits, as the self-test did not pass in 512: bench --tune tries again`;
  }
  return `${32 * lanes} bits`;
}

function mayBeTried(selfTest: string | undefined): boolean {
  return [undefined, "passed", "begun"].includes(selfTest);
}

/** How the self-test in 512 bits ended (`selfTest`), and on which driver. */
export function recallSelfTest(): Remembered | undefined {
  return recall(name);
}

/** A cache folder that cannot be written only costs the next start the self-test. */
export function rememberSelfTest(state: Remembered): void {
  attempt(() => remember(name, state));
}

/** Deno lets programs read /proc only with all permissions, so that `lscpu` is asked. */
function processorHas512Bits(): boolean {
  if (!isGranted({ name: "run", command: "lscpu" })) return false;
  try {
    const { stdout } = new Deno.Command("lscpu", { stderr: "null" }).outputSync();
    const flags = new TextDecoder().decode(stdout).split(/\s+/);
    return ["avx512f", "avx512bw", "avx512dq", "avx512vl"].every((flag) => flags.includes(flag));
  } catch {
    return false;
  }
}
