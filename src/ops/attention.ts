import type { Gpu } from "../gpu/device.ts";
import type { Matrix } from "../gpu/matrix.ts";
import type { StorageBuffer } from "../gpu/memory.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { tuningOf } from "../gpu/tuning.ts";
import { range, unroll } from "./code.ts";
import { cachedCode } from "./code_cache.ts";

/** Heads that lie side by side in the rows of a matrix, each padded to whole texels. */
export interface Heads {
  readonly matrix: Matrix;
  /** The texel at which the first head begins. */
  readonly texel: number;
}

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
  /** How keys and values reach the lanes; without it what was fastest. It changes no result. */
  readonly keys?: KeyLoads;
}

/**
 * `broadcast`: each lane of a subgroup loads another key's texel and hands it to the others.
 * `each`: every lane loads every key itself.
 */
export type KeyLoads = "broadcast" | "each";

/** Queries of one workgroup, by rows of the packed batch: where they begin, and their sentence. */
export interface QueryBlocks {
  /** (first query, first row of the sentence, end row of the sentence, 0), uint32. */
  readonly storage: StorageBuffer;
  readonly count: number;
}

/**
 * Queries of a lane; a workgroup takes `lanes * queriesPerLane` neighbouring ones. Each key that is
 * loaded serves them all; more than 32 in a workgroup would stand idle in short sentences, and
 * the sums of more than one would not fit a GPU's registers.
 */
function queriesPerLane(lanes: number): number {
  return Math.max(1, 32 / lanes);
}
/** Keys whose scores are in flight at once. */
const keysAtOnce = 8;

/**
 * The longest sentence that attention may be given: Mesa's software driver silently ends the loops
 * of an invocation after 65,535 rounds together, and the kernel takes one for each group of keys and
 * one for each texel of a head in it.
 */
export function longestAttended(headTexels: number): number {
  return keysAtOnce * Math.floor(65_535 / (1 + headTexels));
}

/** How many neighbouring queries a workgroup takes. */
export function queriesPerBlock(lanes: number): number {
  return lanes * queriesPerLane(lanes);
}

/**
 * Records scaled dot-product attention within each sentence of a packed batch, one kernel with an
 * online softmax (Milakov and Gimelshein 2018; Dao et al. 2022): memory is linear in the length.
 *
 * @param out `[tokens, 4 * heads * headTexels]`.
 */
export function attention(
  recorder: Recorder,
  query: Heads,
  key: Heads,
  value: Heads,
  out: Matrix,
  blocks: QueryBlocks,
  options: AttentionOptions,
): void {
  const { gpu } = recorder;
  const { heads, keyValueHeads, window, bias, scale, keys = chooseKeyLoads(gpu) } = options;
  recorder.dispatch({
    label: "attention",
    code: cachedCode(
      ["attention", gpu.lanes, keys, options.headTexels, options.causal, !!window, !!bias],
      () => attentionCode(gpu.lanes, keys, options),
    ),
    reads: { query: query.matrix, key: key.matrix, value: value.matrix },
    writes: { out },
    buffers: {
      blocks: { storage: blocks.storage, type: "array<vec4u>", access: "read" },
      ...(bias && { bias: { storage: bias.storage, type: "array<f32>", access: "read" } as const }),
    },
    uints: {
      query_texel: query.texel,
      key_texel: key.texel,
      value_texel: value.texel,
      sharing: heads / keyValueHeads,
      window: window ?? 0,
      reach: bias?.reach ?? 0,
    },
    floats: { scale },
    workgroups: [blocks.count, heads],
  });
}

/** WGSL for the row before which the last key lies that any query of a block sees. */
function reach(lanes: number, causal: boolean, window: number | undefined): string {
  if (causal) return `block.x + ${queriesPerBlock(lanes)}u`;
  return window ? `block.x + ${queriesPerBlock(lanes)}u + params.window` : "end";
}

/** The ways that are worth timing; the first is the default. */
export function keyLoads({ subgroups, lanes }: Gpu): KeyLoads[] {
  return subgroups && lanes >= keysAtOnce ? ["broadcast", "each"] : ["each"];
}

function chooseKeyLoads(gpu: Gpu): KeyLoads {
  const possible = keyLoads(gpu);
  return possible.find((name) => name === tuningOf(gpu)?.attention) ?? possible[0]!;
}

/** How a texel of each key's row reaches every lane: code before its use, and at each key's use. */
type Load = (name: string, texel: (row: string) => string) => {
  readonly early: string;
  readonly inTime: (key: number) => string;
};

const loads: Record<KeyLoads, Load> = {
  each: (name, texel) => ({
    early: "",
    inTime: (j) => `let ${name}${j} = ${texel(`first + ${j}u`)};\n`,
  }),
  // Of more lanes than keys some load the same, which costs nothing.
  broadcast: (name, texel) => ({
    early: `let lane_${name} = ${texel(`first + lane % ${keysAtOnce}u`)};`,
    inTime: (j) => `let ${name}${j} = subgroupBroadcast(lane_${name}, ${j}u);\n`,
  }),
};

/**
 * An invocation owns `queriesPerLane` queries, a workgroup's width apart, with their maximum,
 * their sum and their output in named scalars; it walks the keys `keysAtOnce` at a time.
 */
function attentionCode(lanes: number, way: KeyLoads, options: AttentionOptions): string {
  const { headTexels, causal, window, bias } = options;
  const load = loads[way];
  const keys = range(keysAtOnce);
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
  const maximum = (q: number) => keys.reduce((max, j) => `max(${max}, s${q}_${j})`, `m${q}`);

  const keyTexel = load("k", (row) => `load_key(${row}, k_texel + d)`);
  const valueTexel = (d: number) =>
    load("v", (row) => `select(vec4f(0.0), load_value(${row}, v_texel + ${d}u), ${row} < end)`);

  return `
const lowest = -3.0e38;

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
    ${eachQuery((q) => keys.map((j) => `var s${q}_${j} = 0.0;`).join(" "))}
    for (var d = 0u; d < ${headTexels}u; d++) {
      ${eachQuery((q) => `let q${q} = load_query(row${q}, q_texel + d);`)}
      ${keyTexel.early}
      ${
    eachKey((j) =>
      keyTexel.inTime(j) +
      eachQuery((q) =>
        `s${q}_${j} = s${q}_${j} + q${q}.x * k${j}.x + q${q}.y * k${j}.y + q${q}.z * k${j}.z + q${q}.w * k${j}.w;`
      )
    )
  }
    }
    ${eachQuery((q) => eachKey((j) => score(q, j)))}
    ${
    eachQuery((q) => `
    let n${q} = ${maximum(q)};
    let shrink${q} = exp(m${q} - n${q});
    m${q} = n${q};
    ${eachKey((j) => `let p${q}_${j} = select(0.0, exp(s${q}_${j} - n${q}), s${q}_${j} > lowest);`)}
    l${q} = l${q} * shrink${q} + ${keys.map((j) => `p${q}_${j}`).join(" + ")};`)
  }
    ${
    eachTexel((d) =>
      `{
      ${eachQuery((q) => `var t${q} = o${q}_${d} * shrink${q};`)}
      ${valueTexel(d).early}
      ${
        eachKey((j) =>
          valueTexel(d).inTime(j) +
          eachQuery((q) => `t${q} = t${q} + p${q}_${j} * v${j};`)
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
