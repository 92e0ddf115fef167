import { SpindleError } from "../../util.ts";
import type { Config, Family } from "../spec.ts";
import { bert } from "./bert.ts";

/** Every family that can be loaded. */
export const families: readonly Family[] = [bert];

/**
 * Finds the family of a config.json.
 *
 * @throws {SpindleError} If its `model_type` is unknown.
 */
export function familyOf(config: Config): Family {
  const type = config.string("model_type");
  const family = families.find((family) => family.modelTypes.includes(type));
  if (family) return family;
  const known = families.flatMap((family) => family.modelTypes).sort().join(", ");
  throw new SpindleError(
    `Cannot load "${config.path}" as its model_type "${type}" is unknown: the known ones are ${known}`,
  );
}
