// The rows of the pivots and their columns, out of the squares that are kept; follows
// logistic_inverse.wgsl. What is read are texels of four by four numbers, one a lane at a time.
// A workgroup takes TOGETHER values of k at a time.
// Dispatch: (blocks of columns of the sets at work).

@compute @workgroup_size(BLOCK / 4u, TOGETHER)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let lane = id.x;
  let block = blocks[group.x];
  let subset = sets[block.x];
  let pivot = pivot_step(subset);
  // Eliminated rows come before the pivots: there their columns hold the other sign.
  let is_above = block.y * BLOCK / PIVOTS < pivot;
  for (var k = id.y; k < PIVOTS / 4u; k += TOGETHER) {
    // Four pivots and four columns of the block, in units of four.
    let four = select(BLOCK / 4u * (k / (BLOCK / 4u)) + lane, k, is_above);
    let column = BLOCK / 4u * block.y + select(k % (BLOCK / 4u), lane, is_above);
    let pivots = PIVOTS / 4u * pivot + four;
    let row = subset.x + 4u * select(pivots, column, is_above);
    let texel = select(column, pivots, is_above);
    let part = mat4x4f(
      load_from(row, texel),
      load_from(row + 1u, texel),
      load_from(row + 2u, texel),
      load_from(row + 3u, texel),
    );
    let turned = transpose(part);
    for (var i = 0u; i < 4u; i++) {
      store_left(subset.x + 4u * column + i, four, select(turned[i], part[i], is_above));
      store_strip(PIVOTS * block.x + 4u * four + i, column, select(part[i], -turned[i], is_above));
    }
  }
}
