import type { Gpu } from "../gpu/device.ts";
import type { StorageBuffer } from "../gpu/memory.ts";
import { range } from "../util.ts";
import { type AttentionVariant, keysOfGroup } from "./attention_variants.ts";
import { handedRound, innerProduct, loadedByEach, unroll } from "./code.ts";

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
  const load = (name: string, texel: (row: string) => string) => {
    const nameOf = (j: number) => `${name}${j}`;
    const texelOf = (j: string) => texel(`first + ${j}`);
    return variant.keys === "each"
      ? loadedByEach(nameOf, texelOf)
      : handedRound(keysAtOnce, keysOfGroup, nameOf, texelOf);
  };
  const keysOf = (g: number) => range(keysOfGroup).map((j) => g * keysOfGroup + j);
  const eachGroup = (line: (g: number) => string) => unroll(groups, line);
  const eachQuery = (line: (q: number) => string) => unroll(queriesPerLane(lanes), line);
  const eachKey = (line: (j: number) => string) => unroll(keysAtOnce, line);
  const eachTexel = (line: (d: number) => string) => unroll(headTexels, line);

  // "&&" would be a branch each, and some compilers need ages for dozens of them.
  const visible = (q: number) =>
    [
      "(j < end)",
      causal && `(j <= row${q})`,
      window && `(j + params.window > row${q})`,
      window && !causal && `(row${q} + params.window > j)`,
    ].filter(Boolean).join(" & ");
  const score = (q: number, j: number) => {
    const added = bias
      ? ` + bias[bias_row + min(max(j + params.reach, row${q}) - row${q}, 2u * params.reach)]`
      : "";
    return `{ let j = first + ${j}u; s${q}_${j} = select(lowest, s${q}_${j} * params.scale${added}, ${
      visible(q)
    }); }`;
  };
  const maximum = (q: number, g: number) =>
    keysOf(g).reduce((max, j) => `max(${max}, s${q}_${j})`, `m${q}`);

  const weight = (q: number, g: number, j: number) =>
    `let p${q}_${j} = select(0.0, exp(s${q}_${j} - n${q}_${g}), s${q}_${j} > lowest);`;
  const softmax = (q: number, g: number) => `
    let n${q}_${g} = ${maximum(q, g)};
    let shrink${q}_${g} = exp(m${q} - n${q}_${g});
    m${q} = n${q}_${g};
    ${keysOf(g).map((j) => weight(q, g, j)).join("\n")}
    l${q} = l${q} * shrink${q}_${g} + ${keysOf(g).map((j) => `p${q}_${j}`).join(" + ")};`;

  const keyTexel = load("k", (row) => `load_key(${row}, k_texel + d)`);
  const valueTexel = (d: number) =>
    load("v", (row) => `select(vec4f(0.0), load_value(${row}, v_texel + ${d}u), ${row} < end)`);

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
    ${eachQuery((q) => eachKey((j) => score(q, j)))}
    ${eachQuery((q) => eachGroup((g) => softmax(q, g)))}
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
