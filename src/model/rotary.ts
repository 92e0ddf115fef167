import { SpindleError } from "../util.ts";
import { choiceOf, type Config } from "./config.ts";
import type { RotarySpec } from "./spec.ts";

/** What a family knows of its rotary positions besides what config.json says. */
interface RotaryDefaults {
  /** Dimensions of a head that turn. */
  readonly dimensions: number;
  /** The base of the frequencies where config.json has none. */
  readonly theta: number;
  /** Positions that the model was made for. */
  readonly maxTokens: number;
}

const originalTokens = "original_max_position_embeddings";

/**
 * Finds where a config.json says how the positions of all blocks turn.
 *
 * @throws {SpindleError} If it says so of each kind of block.
 */
export function ropeOf(config: Config): Config | undefined {
  const rope = config.object("rope_scaling") ?? config.object("rope_parameters");
  const kind = ["full_attention", "sliding_attention"].find((kind) => rope?.has(kind));
  if (kind) {
    throw new SpindleError(
      `Cannot load "${config.path}" as its rotary positions are set for "${kind}": ` +
        "this family has the same in all blocks",
    );
  }
  if (!rope || !config.has(originalTokens)) return rope;
  // Of the two places for it the outer counts.
  const original = config.count(originalTokens);
  return {
    ...rope,
    count: (name, fallback) => name === originalTokens ? original : rope.count(name, fallback),
  };
}

/**
 * Reads rotary positions as the reference library writes them.
 *
 * @param rope The object `rope_parameters`, before version 5 `rope_scaling`, where there is one.
 * @throws {SpindleError} If the kind of scaling is unknown.
 */
export function readRotary(rope: Config | undefined, defaults: RotaryDefaults): RotarySpec {
  const { dimensions } = defaults;
  const theta = rope?.number("rope_theta", defaults.theta) ?? defaults.theta;
  const wavelengths = Array.from(
    { length: Math.ceil(dimensions / 2) },
    (_, i) => f32(theta ** f32(2 * i / dimensions)),
  );
  const frequencies = wavelengths.map((length) => f32(1 / length));
  const types = ["default", "linear", "dynamic", "llama3", "longrope", "yarn"] as const;
  const key = rope?.string("rope_type", "") ? "rope_type" : "type";
  const type = rope ? choiceOf(rope, key, types, "default") : "default";
  if (rope && type === "linear") {
    const factor = rope.number("factor");
    return plain(frequencies.map((value) => f32(value / factor)));
  }
  if (rope && type === "llama3") return llama3(rope, defaults, frequencies);
  if (rope && type === "longrope") return longRope(rope, defaults, wavelengths);
  if (rope && type === "yarn") return yarn(rope, defaults, theta, wavelengths);
  // Dynamic scaling begins where the positions end that the model was made for.
  return { ...plain(frequencies), positions: type === "dynamic" ? defaults.maxTokens : Infinity };
}

function plain(frequencies: readonly number[]): RotarySpec {
  return { frequencies, factor: 1, positions: Infinity };
}

/** The reference library computes in float32, and a thousand tokens on its rounding shows. */
const f32 = Math.fround;

/** Llama 3.1: long waves are stretched by a factor, short ones are not, with a ramp between. */
function llama3(rope: Config, { maxTokens }: RotaryDefaults, frequencies: number[]): RotarySpec {
  const factor = rope.number("factor");
  const low = rope.number("low_freq_factor");
  const high = rope.number("high_freq_factor");
  const original = rope.count(originalTokens, maxTokens);
  const scale = (frequency: number) => {
    const wavelength = f32(f32(1 / frequency) * f32(2 * Math.PI));
    if (wavelength < original / high) return frequency;
    if (wavelength > original / low) return f32(frequency / factor);
    const waves = f32(f32(1 / wavelength) * original);
    const kept = f32(f32(waves - low) / (high - low));
    return f32(f32(f32(f32(1 - kept) * frequency) / factor) + f32(kept * frequency));
  };
  return plain(frequencies.map(scale));
}

/** YaRN (Peng et al. 2023): the same with the ramp along the dimensions, and louder. */
function yarn(
  rope: Config,
  { dimensions, maxTokens }: RotaryDefaults,
  theta: number,
  wavelengths: number[],
): RotarySpec {
  const factor = rope.number("factor");
  const original = rope.count(originalTokens, maxTokens);
  const dimensionOf = (turns: number) =>
    dimensions * Math.log(original / (turns * 2 * Math.PI)) / (2 * Math.log(theta));
  const isWhole = rope.boolean("truncate", true);
  const from = dimensionOf(rope.number("beta_fast", 0) || 32);
  const to = dimensionOf(rope.number("beta_slow", 0) || 1);
  const first = Math.max(0, isWhole ? Math.floor(from) : from);
  const last = Math.min(dimensions - 1, isWhole ? Math.ceil(to) : to);
  const frequencies = wavelengths.map((wavelength, i) => {
    const ramp = f32(f32(i - first) / (last - first || 0.001));
    const kept = f32(1 - Math.min(1, Math.max(0, ramp)));
    const stretched = f32(1 / f32(factor * wavelength));
    return f32(f32(stretched * f32(1 - kept)) + f32(f32(1 / wavelength) * kept));
  });
  const growth = (by: number) => factor <= 1 ? 1 : 0.1 * by * Math.log(factor) + 1;
  const scale = rope.number("mscale", 0), scaleOfAll = rope.number("mscale_all_dim", 0);
  const inferred = scale && scaleOfAll ? growth(scale) / growth(scaleOfAll) : growth(1);
  return { ...plain(frequencies), factor: rope.number("attention_factor", inferred) };
}

/** LongRoPE (Ding et al. 2024): a factor a pair, and others beyond the original positions. */
function longRope(
  rope: Config,
  { maxTokens }: RotaryDefaults,
  wavelengths: number[],
): RotarySpec {
  const original = rope.count(originalTokens, maxTokens);
  const factors = rope.numbers("short_factor");
  if (factors.length !== wavelengths.length) {
    throw new SpindleError(
      `Cannot load "${rope.path}" as its short_factor has ${factors.length} numbers: ` +
        `${wavelengths.length} pairs of a head's dimensions turn`,
    );
  }
  const frequencies = wavelengths.map((wavelength, i) =>
    f32(1 / f32(f32(factors[i]!) * wavelength))
  );
  const growth = rope.number("factor", maxTokens / original);
  const louder = growth <= 1 ? 1 : Math.sqrt(1 + Math.log(growth) / Math.log(original));
  return { frequencies, factor: rope.number("attention_factor", louder), positions: original };
}
