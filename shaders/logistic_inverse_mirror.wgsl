// The whole of the inverses, of which only the squares of PIVOTS rows and columns on and above the
// diagonal were kept; sets and blocks as in logistic_inverse.wgsl.
// A workgroup takes TOGETHER values of k at a time.
// Dispatch: (blocks of rows, blocks of the widest set).

@compute @workgroup_size(BLOCK / 4u, TOGETHER)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let lane = id.x;
  let block = blocks[group.x];
  let subset = sets[block.x];
  if (group.y * BLOCK >= PIVOTS * subset.y) { return; }
  let is_below = group.y * BLOCK / PIVOTS < block.y * BLOCK / PIVOTS;
  for (var k = id.y; k < BLOCK / 4u; k += TOGETHER) {
    let row = subset.x + BLOCK * select(block.y, group.y, is_below) + 4u * select(lane, k, is_below);
    let texel = BLOCK / 4u * select(group.y, block.y, is_below) + select(k, lane, is_below);
    let part = mat4x4f(
      load_from(row, texel),
      load_from(row + 1u, texel),
      load_from(row + 2u, texel),
      load_from(row + 3u, texel),
    );
    let turned = transpose(part);
    for (var i = 0u; i < 4u; i++) {
      store_to(
        subset.x + BLOCK * block.y + 4u * lane + i,
        BLOCK / 4u * group.y + k,
        select(part[i], turned[i], is_below),
      );
    }
  }
}
