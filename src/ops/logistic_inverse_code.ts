import type { Gpu } from "../gpu/device.ts";
import { range } from "../util.ts";
import { handedRound, loadedByEach, type Loads, pairwiseSum, unroll } from "./code.ts";
import { blockSize } from "./logistic_inverse_stack.ts";

/** Texels of a row of a block. */
const blockTexels = blockSize / 4;

/** Invocations of a workgroup, whose lanes run along the rows of a block. */
export function inverseLanes({ lanes }: Gpu): number {
  return Math.min(lanes, blockSize);
}

/**
 * `panel = inverted strip`, and the inverted pivot block itself where that stands.
 * Dispatch: (blocks of columns of the sets at work, blocks of pivots); a workgroup takes a block.
 */
export function panelCode(gpu: Gpu): string {
  return productCode(gpu, {
    begin: `
  let block = blocks[group.x];
  let subset = sets[block.x];
  let column = block.y;
  let is_pivot = column * BLOCK / PIVOTS == pivot_step(subset);
  let row = PIVOTS * block.x + BLOCK * group.y + lane;`,
    copied: "is_pivot",
    copy: (r, k) => `load_inverted(row + ${r}, (${k}) % (PIVOTS / 4u))`,
    start: () => "vec4f(0.0)",
    left: (r) => `load_inverted(row + ${r}, j)`,
    right: (i, k) => `load_strip(PIVOTS * block.x + 4u * j + ${i}, ${k})`,
    sign: "+",
    store: "store_panel",
  });
}

/**
 * `to = from - left panel` where a block is kept, and the panel itself in the pivot rows.
 * Dispatch: (blocks that are kept of the sets at work).
 */
export function sweepCode(gpu: Gpu): string {
  return productCode(gpu, {
    begin: `
  let block = kept[group.x];
  let subset = sets[block.x];
  let pivot = pivot_step(subset);
  let column = block.z;
  let is_pivot = column * BLOCK / PIVOTS == pivot;
  let row = subset.x + BLOCK * block.y + lane;
  let panel_row = PIVOTS * block.x;
  let copy_row = panel_row + BLOCK * block.y % PIVOTS + lane;`,
    copied: "block.y * BLOCK / PIVOTS == pivot",
    copy: (r, k) => `load_panel(copy_row + ${r}, ${k})`,
    start: (r, k) => `select(load_from(row + ${r}, ${k}), vec4f(0.0), is_pivot)`,
    left: (r) => `load_left(row + ${r}, j)`,
    right: (i, k) => `load_panel(panel_row + 4u * j + ${i}, ${k})`,
    sign: "-",
    store: "store_to",
  });
}

/** Texels that an invocation makes of each of its rows at a time. */
const texels = 4;

/** What a product of two blocks reads and writes, as WGSL; r and i are rows, k is a texel. */
interface BlockProduct {
  /** Declares `column`, the block of columns, and what the others use. */
  readonly begin: string;
  /** Whether the block is a copy and no product. */
  readonly copied: string;
  readonly copy: (r: string, k: string) => string;
  readonly start: (r: string, k: string) => string;
  /** Texel j of a row of the left block. */
  readonly left: (r: string) => string;
  /** A texel of row 4j + i of the right block. */
  readonly right: (i: string, k: string) => string;
  readonly sign: "+" | "-";
  readonly store: string;
}

/** Lanes run along the rows; an invocation owns its rows of the block and some texels at a time. */
function productCode(gpu: Gpu, product: BlockProduct): string {
  const lanes = inverseLanes(gpu);
  const rows = blockSize / lanes;
  const row = (r: number) => `${r * lanes}u`;
  const texel = (t: number) => `k + ${t}u`;
  const each = (line: (r: number, t: number) => string) =>
    unroll(rows, (r) => unroll(texels, (t) => line(r, t)));
  const right = rightTexels(gpu, lanes, product);
  return `
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  ${product.begin}
  for (var k = column * ${blockTexels}u; k < (column + 1u) * ${blockTexels}u; k += ${texels}u) {
    ${each((r, t) => `var s${r}_${t} = ${product.start(row(r), texel(t))};`)}
    for (var j = 0u; j < PIVOTS / 4u; j++) {
      ${unroll(rows, (r) => `let l${r} = ${product.left(row(r))};`)}
      ${right.early}
      ${
    unroll(texels, (t) =>
      unroll(4, (i) => right.inTime(i + 4 * t)) + "\n" +
      unroll(rows, (r) =>
        `s${r}_${t} = s${r}_${t} ${product.sign} ${
          pairwiseSum(range(4).map((i) => `l${r}.${"xyzw"[i]} * r${i}_${t}`))
        };`))
  }
    }
    ${
    each((r, t) =>
      `${product.store}(row + ${row(r)}, ${texel(t)}, select(s${r}_${t}, ${
        product.copy(row(r), texel(t))
      }, ${product.copied}));`
    )
  }
  }
}
`;
}

/** Code that brings the texels of the right block: before the products, and at the use of each. */
function rightTexels(
  gpu: Gpu,
  lanes: number,
  { right }: BlockProduct,
): Loads {
  const name = (n: number) => `r${n & 3}_${n >> 2}`;
  const texel = (n: string) => right(`((${n}) & 3u)`, `k + (${n}) / 4u`);
  const canShare = gpu.subgroups && gpu.lanes === lanes && 4 * texels % lanes === 0;
  return canShare
    ? handedRound({ count: 4 * texels, period: lanes }, name, texel)
    : loadedByEach(name, texel);
}
