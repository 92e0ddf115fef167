import type { Gpu } from "../gpu/device.ts";
import type { StorageBuffer } from "../gpu/memory.ts";
import { range } from "../util.ts";
import { type AttentionVariant, keysOfGroup } from "./attention_variants.ts";
import { handedRound, innerProduct, loadedByEach, type Loads, unroll } from "./code.ts";

/** What an attention layer computes. */
export interface AttentionOptions {
  readonly heads: number;
  /** Each serves `heads / keyValueHeads` neighbouring heads. */
  readonly keyValueHeads: number;
  /** Texels of a head: a quarter of its width, rounded up. */
  readonly headTexels: number;
  readonly scale: number;
  readonly causal: boolean;
  /** A query sees keys less than this many positions away; undefined: all. */
  readonly window?: number | undefined;
  /**
   * Added to the scaled scores: float32 `[heads, 2 * reach + 1]` by key minus query position, whose
   * first and last values also serve all distances beyond.
   */
  readonly bias?: { readonly storage: StorageBuffer; readonly reach: number } | undefined;
  /** Without it what suits the adapter and the sentences. */
  readonly variant?: AttentionVariant;
}

/**
 * Invocations of a workgroup: more than 32 would stand idle in short sentences, but where 64 are
 * one subgroup, fewer would leave lanes of it idle always.
 */
export function attentionLanes({ lanes, subgroups }: Gpu): number {
  return subgroups ? lanes : Math.min(lanes, mostQueries);
}

/** Queries of a workgroup, where a subgroup is not larger. */
const mostQueries = 32;

/**
 * Queries of a lane; a workgroup takes `lanes * queriesPerLane` neighbouring ones. Each key that is
 * loaded serves them all; the sums of more than one would not fit a GPU's registers.
 */
function queriesPerLane(lanes: number): number {
  return Math.max(1, mostQueries / lanes);
}

/** How many neighbouring queries a workgroup of so many lanes takes. */
export function queriesPerBlock(lanes: number): number {
  return lanes * queriesPerLane(lanes);
}

/** WGSL for the row before which the last key lies that any query of a block sees. */
function reach(lanes: number, causal: boolean, window: number | undefined): string {
  if (causal) return `block.x + ${queriesPerBlock(lanes)}u`;
  return window ? `block.x + ${queriesPerBlock(lanes)}u + params.window` : "end";
}

/** Code that brings the texels `{name}0`, `{name}1`, … of the keys in flight to every lane. */
function keyLoads(
  { keys, groups }: AttentionVariant,
  name: string,
  texel: (row: string) => string,
): Loads {
  const nameOf = (j: number) => `${name}${j}`;
  const texelOf = (j: string) => texel(`first + ${j}`);
  return keys === "each" ? loadedByEach(nameOf, texelOf) : handedRound(
    { count: groups * keysOfGroup, period: keysOfGroup, lane: `lane % ${keysOfGroup}u` },
    nameOf,
    texelOf,
  );
}

/** The keys of a group, by their places among those in flight. */
function keysOf(g: number): number[] {
  return range(keysOfGroup).map((j) => g * keysOfGroup + j);
}

/** Scales a score and adds its bias; a key that the query does not see gets the lowest. */
function scoreCode(q: number, j: number, { causal, window, bias }: AttentionOptions): string {
  // "&&" would be a branch each, and some compilers need ages for dozens of them.
  const visible = [
    "(j < end)",
    causal && `(j <= row${q})`,
    window && `(j + params.window > row${q})`,
    window && !causal && `(row${q} + params.window > j)`,
  ].filter(Boolean).join(" & ");
  const added = bias
    ? ` + bias[bias_row + min(max(j + params.reach, row${q}) - row${q}, 2u * params.reach)]`
    : "";
  return `{ let j = first + ${j}u; s${q}_${j} = select(lowest, s${q}_${j} * params.scale${added}, ${visible}); }`;
}

/** Takes a group's scores into the maximum and the sum of a query, and makes weights of them. */
function softmaxCode(q: number, g: number): string {
  const maximum = keysOf(g).reduce((max, j) => `max(${max}, s${q}_${j})`, `m${q}`);
  const weight = (j: number) =>
    `let p${q}_${j} = select(0.0, exp(s${q}_${j} - n${q}_${g}), s${q}_${j} > lowest);`;
  return `
    let n${q}_${g} = ${maximum};
    let shrink${q}_${g} = exp(m${q} - n${q}_${g});
    m${q} = n${q}_${g};
    ${keysOf(g).map(weight).join("\n")}
    l${q} = l${q} * shrink${q}_${g} + ${keysOf(g).map((j) => `p${q}_${j}`).join(" + ")};`;
}

/**
 * An invocation owns `queriesPerLane` queries, a workgroup's width apart, with their maximum,
 * their sum and their output in named scalars; it walks the keys some groups at a time. Whatever
 * the number of groups, each is compared with the maximum and added on its own, in order.
 */
export function attentionCode(
  lanes: number,
  variant: AttentionVariant,
  options: AttentionOptions,
): string {
  const { headTexels, causal, window, bias } = options;
  const { groups } = variant;
  const keysAtOnce = groups * keysOfGroup;
  const eachGroup = (line: (g: number) => string) => unroll(groups, line);
  const eachQuery = (line: (q: number) => string) => unroll(queriesPerLane(lanes), line);
  const eachKey = (line: (j: number) => string) => unroll(keysAtOnce, line);
  const eachTexel = (line: (d: number) => string) => unroll(headTexels, line);
  const keyTexel = keyLoads(variant, "k", (row) => `load_key(${row}, k_texel + d)`);
  const valueTexel = (d: number) =>
    keyLoads(
      variant,
      "v",
      (row) => `select(vec4f(0.0), load_value(${row}, v_texel + ${d}u), ${row} < end)`,
    );

  // A lower one would overflow within exp.
  return `
const lowest = -1.0e30;

@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let block = blocks[group.x];
  let head = group.y;
  let begin = block.y;
  let end = block.z;
  let q_texel = params.query_texel + head * ${headTexels}u;
  let k_texel = params.key_texel + head / params.sharing * ${headTexels}u;
  let v_texel = params.value_texel + head / params.sharing * ${headTexels}u;
  ${bias ? "let bias_row = head * (2u * params.reach + 1u);" : ""}
  ${
    eachQuery((q) =>
      `let row${q} = block.x + lane + ${q * lanes}u; var m${q} = lowest; var l${q} = 0.0;`
    )
  }
  ${eachQuery((q) => eachTexel((d) => `var o${q}_${d} = vec4f(0.0);`))}
  let start = ${window ? "max(begin + params.window, block.x + 1u) - params.window" : "begin"};
  let stop = min(end, ${reach(lanes, causal, window)});
  for (var first = start; first < stop; first += ${keysAtOnce}u) {
    ${eachQuery((q) => range(keysAtOnce).map((j) => `var s${q}_${j} = 0.0;`).join(" "))}
    for (var d = 0u; d < ${headTexels}u; d++) {
      ${eachQuery((q) => `let q${q} = load_query(row${q}, q_texel + d);`)}
      ${keyTexel.early}
      ${
    eachKey((j) =>
      keyTexel.inTime(j) +
      eachQuery((q) => `s${q}_${j} = s${q}_${j} + ${innerProduct(`q${q}`, `k${j}`)};`)
    )
  }
    }
    ${eachQuery((q) => eachKey((j) => scoreCode(q, j, options)))}
    ${eachQuery((q) => eachGroup((g) => softmaxCode(q, g)))}
    ${
    eachTexel((d) =>
      `{
      ${eachQuery((q) => `var t${q} = o${q}_${d};`)}
      ${valueTexel(d).early}
      ${
        eachGroup((g) =>
          eachQuery((q) => `t${q} = t${q} * shrink${q}_${g};`) +
          keysOf(g).map((j) =>
            valueTexel(d).inTime(j) +
            eachQuery((q) => `t${q} = t${q} + p${q}_${j} * v${j};`)
          ).join("\n")
        )
      }
      ${eachQuery((q) => `o${q}_${d} = t${q};`)}
    }`
    )
  }
  }
  ${
    eachQuery((q) =>
      `if (row${q} < end) {
    ${eachTexel((d) => `store_out(row${q}, head * ${headTexels}u + ${d}u, o${q}_${d} / l${q});`)}
  }`
    )
  }
}
`;
}
