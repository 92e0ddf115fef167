import type { Gpu } from "../gpu/device.ts";
import { recallSelfTest, rememberSelfTest, widthVariable } from "../gpu/vector_width.ts";
import { SpindleError } from "../util.ts";
import { checkLinear } from "./self_test.ts";

/**
 * Runs the self-test where 512-bit vectors are used for the first time on this driver. Where it did
 * not come to its end, as when it was interrupted, the next start tries once more.
 *
 * @throws {SpindleError} If it fails: a program cannot change the width any more.
 */
export async function requireWideVectors(gpu: Gpu): Promise<void> {
  const { lanes, adapter: { software, description } } = gpu;
  if (!software || lanes !== 16) return;
  const known = recallSelfTest();
  const isOfDriver = known?.driver === description;
  if (isOfDriver && known?.selfTest === "passed") return;
  const selfTest = isOfDriver && known?.selfTest === "begun" ? "begun again" : "begun";
  rememberSelfTest({ selfTest, driver: description });
  const { passed, largestDifference } = await checkLinear(gpu);
  rememberSelfTest({ selfTest: passed ? "passed" : "failed", driver: description });
  if (passed) return;
  throw new SpindleError(
    `Cannot use 512-bit vectors as the self-test is ${largestDifference.toExponential(1)} off ` +
      `with them: start again, with ${widthVariable}=256 if this is said again`,
  );
}
