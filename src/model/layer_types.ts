import { SpindleError } from "../util.ts";
import type { Config } from "./config.ts";

/**
 * Which blocks have a sliding window: those that config.json lists as such.
 *
 * @param unlisted Says it where config.json has no list.
 * @throws {SpindleError} If the list has another length, or a kind that is unknown.
 */
export function slidingBlocks(
  config: Config,
  blocks: number,
  unlisted: (index: number) => boolean,
): boolean[] {
  const types = config.strings("layer_types");
  if (!types) return Array.from({ length: blocks }, (_, index) => unlisted(index));
  if (types.length !== blocks) {
    throw new SpindleError(
      `Cannot load "${config.path}" as its layer_types are ${types.length}: ` +
        `it has ${blocks} blocks`,
    );
  }
  return types.map((type) => {
    if (type === "sliding_attention" || type === "full_attention") return type[0] === "s";
    throw new SpindleError(
      `Cannot load "${config.path}" as the layer type "${type}" is not supported: ` +
        "the supported ones are full_attention, sliding_attention",
    );
  });
}
