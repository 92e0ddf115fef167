import { handedRound, loadedByEach, unroll } from "../ops/code.ts";
import { range } from "../util.ts";

/** How the kernels of the ladder begin: a workgroup takes a block of queries and a head. */
export const attentionHeader = (lanes: number) => `
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let block = blocks[group.x];
  let head = group.y;
  let end = block.z;
  let q_texel = head * HEAD;
  let k_texel = (params.heads + head) * HEAD;
  let v_texel = (2u * params.heads + head) * HEAD;`;

/**
 * An invocation walks all keys of its sentence, `keys` at a time, for `queries` queries.
 *
 * @param broadcast Whether each lane loads one of the keys and hands it to its subgroup.
 */
export function onlineCode(
  queries: number,
  keys: number,
  headTexels: number,
  lanes: number,
  broadcast: boolean,
): string {
  const each = (line: (q: number) => string) => unroll(queries, line);
  const sum = (q: number) => range(keys).map((j) => `p${q}_${j}`).join(" + ");
  const load = (name: string, texel: (row: string) => string) => {
    const nameOf = (j: number) => `${name}${j}`;
    const texelOf = (j: string) => texel(`key + ${j}`);
    return broadcast
      ? handedRound({ count: keys, period: keys, lane: `lane % ${keys}u` }, nameOf, texelOf)
      : loadedByEach(nameOf, texelOf);
  };
  const keyTexel = load("k", (row) => `load_qkv(${row}, k_texel + d)`);
  const valueTexel = (d: number) =>
    load(
      `v${d}_`,
      (row) => `select(vec4f(0.0), load_qkv(${row}, v_texel + ${d}u), ${row} < end)`,
    );
  return `${attentionHeader(lanes)}
  ${
    each((q) =>
      `let row${q} = block.x + lane + ${q * lanes}u; var m${q} = -3.0e38; var l${q} = 0.0;`
    )
  }
  ${each((q) => unroll(headTexels, (d) => `var o${q}_${d} = vec4f(0.0);`))}
  for (var key = block.y; key < end; key += ${keys}u) {
    ${each((q) => unroll(keys, (j) => `var s${q}_${j} = 0.0;`))}
    for (var d = 0u; d < HEAD; d++) {
      ${each((q) => `let q${q} = load_qkv(row${q}, q_texel + d);`)}
      ${keyTexel.early}
      ${unroll(keys, (j) => keyTexel.inTime(j) + each((q) => `s${q}_${j} += dot(q${q}, k${j});`))}
    }
    ${
    each((q) => `
    ${
      unroll(
        keys,
        (j) => `s${q}_${j} = select(-3.0e38, s${q}_${j} * params.scale, key + ${j}u < end);`,
      )
    }
    var n${q} = m${q};
    ${unroll(keys, (j) => `n${q} = max(n${q}, s${q}_${j});`)}
    let shrink${q} = exp(m${q} - n${q});
    m${q} = n${q};
    ${unroll(keys, (j) => `let p${q}_${j} = exp(s${q}_${j} - n${q});`)}
    l${q} = l${q} * shrink${q} + ${sum(q)};`)
  }
    ${
    unroll(headTexels, (d) => `
    ${each((q) => `o${q}_${d} *= shrink${q};`)}
    ${valueTexel(d).early}
    ${
      unroll(keys, (j) =>
        valueTexel(d).inTime(j) +
        each((q) => `o${q}_${d} += p${q}_${j} * v${d}_${j};`))
    }`)
  }
  }
  ${
    each((q) =>
      `if (row${q} < end) {` +
      unroll(headTexels, (d) => `store_out(row${q}, q_texel + ${d}u, o${q}_${d} / l${q});`) + "}"
    )
  }
}`;
}
