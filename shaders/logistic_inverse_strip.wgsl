// The rows of the pivot block and its columns, out of the blocks that are kept; follows
// logistic_inverse.wgsl. A block is read as texels of four by four numbers, one a lane at a time.
// Dispatch: (sets at work, blocks of the widest set).

@compute @workgroup_size(BLOCK / 4u)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let subset = sets[group.x];
  let pivot = pivot_block(subset);
  if (group.y >= subset.y) { return; }
  // Eliminated rows come before the pivot: what they hold in its columns has the other sign there.
  let is_above = group.y < pivot;
  let row = subset.x + BLOCK * min(group.y, pivot) + 4u * lane;
  let texel = BLOCK / 4u * max(group.y, pivot);
  for (var k = 0u; k < BLOCK / 4u; k++) {
    let part = mat4x4f(
      load_from(row, texel + k),
      load_from(row + 1u, texel + k),
      load_from(row + 2u, texel + k),
      load_from(row + 3u, texel + k),
    );
    let turned = transpose(part);
    let own = select(4u * k, 4u * lane, is_above);
    let other = select(4u * lane, 4u * k, is_above);
    for (var i = 0u; i < 4u; i++) {
      store_left(subset.x + BLOCK * group.y + own + i, other / 4u, select(turned[i], part[i], is_above));
      store_strip(
        BLOCK * group.x + other + i,
        BLOCK / 4u * group.y + own / 4u,
        select(part[i], -turned[i], is_above),
      );
    }
  }
}
