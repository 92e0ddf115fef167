import { join } from "node:path";
import { SpindleError } from "../util.ts";
import { type Config, readConfig, requireBoolean } from "./config.ts";
import { families } from "./families/mod.ts";
import { requireModelFolder } from "./files.ts";
import type { AttentionSpec, Family, ModelSpec, WeightRefs } from "./spec.ts";

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
  requireEqualNumbers(config, spec);
  for (const { attention } of spec.stacks) {
    // Of a causal model the reference library makes a bidirectional one where this is false.
    if (attention.causal) requireBoolean(config, "is_causal", true);
    requireHeads(config, spec.width, attention);
    requireRelativeBias(config, attention);
  }
  return spec;
}

/**
 * Reads what the config.json of a folder describes, and which tensors that takes.
 *
 * @throws {SpindleError} If there is no such folder, or its model is not supported.
 */
export function readModel(folder: string): { spec: ModelSpec; refs: WeightRefs } {
  requireModelFolder(folder);
  const config = readConfig(join(folder, "config.json"));
  const spec = specOf(config);
  return { spec, refs: familyOf(config).weights(spec, config) };
}

/** Some families call them otherwise, and the reference library heeds these names before theirs. */
function requireEqualNumbers(config: Config, { stacks: [stack] }: ModelSpec): void {
  const { attention, blocks } = stack!;
  const numbers = { num_attention_heads: attention.heads, num_hidden_layers: blocks };
  for (const [name, number] of Object.entries(numbers)) {
    const given = config.count(name, number);
    if (given === number) continue;
    throw new SpindleError(
      `Cannot load "${config.path}" as its ${name} is ${given}, and ${number} by the name that its ` +
        "family has for it: they must be equal",
    );
  }
}

function requireHeads(config: Config, width: number, attention: AttentionSpec): void {
  const { heads, keyValueHeads, headWidth, rotary = [] } = attention;
  if (!Number.isInteger(headWidth) || heads % keyValueHeads !== 0) {
    throw new SpindleError(
      `Cannot load "${config.path}" as its ${heads} attention heads with ${keyValueHeads} for ` +
        `keys and values do not divide its width of ${width} evenly`,
    );
  }
  const turning = rotary.reduce(
    (most, { frequencies }) => Math.max(most, 2 * frequencies.length),
    0,
  );
  if (turning <= headWidth) return;
  throw new SpindleError(
    `Cannot load "${config.path}" as ${turning} dimensions of a head turn in pairs and it has ` +
      `only ${headWidth}: an even number is needed`,
  );
}

function requireRelativeBias(config: Config, { relativeBias, causal }: AttentionSpec): void {
  if (!relativeBias) return;
  const { buckets, maxDistance } = relativeBias;
  // Half of a direction's buckets hold one distance each, the others all up to the largest.
  const exact = buckets >> (causal ? 1 : 2);
  if (exact > 0 && exact < maxDistance) return;
  throw new SpindleError(
    `Cannot load "${config.path}" as its relative positions have ${buckets} buckets up to the ` +
      `distance ${maxDistance}: 4 buckets and a distance above half of them are needed`,
  );
}
