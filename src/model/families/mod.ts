import { SpindleError } from "../../util.ts";
import type { Config } from "../config.ts";
import type { Family, ModelSpec } from "../spec.ts";
import { bert } from "./bert.ts";
import { distilbert } from "./distilbert.ts";
import { electra } from "./electra.ts";
import { gpt2 } from "./gpt2.ts";
import { gptNeox } from "./gpt_neox.ts";
import { llama } from "./llama.ts";
import { modernbert } from "./modernbert.ts";
import { qwen2 } from "./qwen2.ts";
import { qwen3 } from "./qwen3.ts";
import { roberta } from "./roberta.ts";
import { t5 } from "./t5.ts";

/** Every family that can be loaded. */
export const families: readonly Family[] = [
  bert,
  distilbert,
  electra,
  gpt2,
  gptNeox,
  llama,
  modernbert,
  qwen2,
  qwen3,
  roberta,
  t5,
];

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
    `Cannot load "${config.path}" as its model_type "${type}" is not supported: ` +
      `the supported ones are ${known}`,
  );
}

/**
 * Reads what a config.json describes.
 *
 * @throws {SpindleError} If its `model_type` is unknown or its numbers do not fit together.
 */
export function specOf(config: Config): ModelSpec {
  const spec = familyOf(config).spec(config);
  for (const { attention: { heads, keyValueHeads, headWidth } } of spec.stacks) {
    if (Number.isInteger(headWidth) && heads % keyValueHeads === 0) continue;
    throw new SpindleError(
      `Cannot load "${config.path}" as its ${heads} attention heads with ${keyValueHeads} for ` +
        `keys and values do not divide its width of ${spec.width} evenly`,
    );
  }
  return spec;
}
