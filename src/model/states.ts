import { requireList, requireOneOf, SpindleError } from "../util.ts";
import type { ModelSpec, StackSpec } from "./spec.ts";

/** The places in a transformer whose states can be read. */
export const sites = ["hidden", "activation", "neuron"] as const;

/**
 * A place in a transformer.
 *
 * `hidden` is the residual stream: layer 0 the embedding output, layer l the output of block l,
 * and one more where a norm follows the last block. `activation` is the feed-forward network right
 * after its nonlinearity, and `neuron` the input of its down projection; they differ only where
 * the network is gated.
 */
export type Site = typeof sites[number];

/** One state of a model. */
export interface StateId {
  /** The name in golden files and feature stores, such as `hidden.3` or `encoder.hidden.3`. */
  readonly name: string;
  /** The index of its stack: 0, or 1 for the decoder behind an encoder. */
  readonly stack: number;
  /** Where it is. */
  readonly site: Site;
  /** The index at its site and in its stack, from 0. */
  readonly layer: number;
  /** Neurons. */
  readonly width: number;
}

/**
 * Lists the states of a model at the given sites: stack by stack, site by site, in layer order.
 *
 * @throws {SpindleError} If there is no such site.
 */
export function listStates(spec: ModelSpec, wanted: readonly Site[] = sites): StateId[] {
  requireList("the sites", wanted);
  for (const site of wanted) requireOneOf("the site", site, sites);
  return spec.stacks.flatMap((stack, index) =>
    sites.filter((site) => wanted.includes(site)).flatMap((site) => {
      const width = site === "hidden" ? spec.width : spec.ffnWidth;
      return Array.from({ length: layersOf(stack, site) }, (_, layer) => ({
        name: `${stack.prefix}${site}.${layer}`,
        stack: index,
        site,
        layer,
        width,
      }));
    })
  );
}

/** How many states a stack has at a site. */
export function layersOf(stack: StackSpec, site: Site): number {
  return site === "hidden" ? stack.blocks + 1 + (stack.finalNorm ? 1 : 0) : stack.blocks;
}

/**
 * Finds states by name.
 *
 * @throws {SpindleError} If the model has no such state.
 */
export function findStates(spec: ModelSpec, names: readonly string[]): StateId[] {
  requireList("the states", names);
  const all = new Map(listStates(spec).map((state) => [state.name, state]));
  return names.map((name) => {
    const state = all.get(name);
    if (!state) {
      throw new SpindleError(
        `Cannot capture the state "${name}" as the model has only ${[...all.keys()].join(", ")}`,
      );
    }
    return state;
  });
}

/** How many blocks of a stack a state needs: what the early exit saves is the rest. */
function blocksNeeded(spec: ModelSpec, state: StateId): number {
  const stack = spec.stacks[state.stack]!;
  return state.site === "hidden" ? Math.min(state.layer, stack.blocks) : state.layer + 1;
}

/**
 * How many blocks of each stack some states need together, undefined where not even its embedding:
 * a decoder's blocks need the whole encoder.
 */
export function blocksToRun(
  spec: ModelSpec,
  states: readonly StateId[],
): (number | undefined)[] {
  const wanted = spec.stacks.map((_, stack) => {
    const counts = states.filter((state) => state.stack === stack)
      .map((state) => blocksNeeded(spec, state));
    return counts.length ? Math.max(...counts) : undefined;
  });
  return wanted.map((count, stack) => {
    const reader = spec.stacks[stack + 1];
    return reader?.crossAttention && wanted[stack + 1] ? spec.stacks[stack]!.blocks : count;
  });
}

/** How many blocks of all stacks some states need together; where none are told, all there are. */
export function countBlocks(spec: ModelSpec, states = listStates(spec)): number {
  return blocksToRun(spec, states).reduce<number>((sum, count = 0) => sum + count, 0);
}
