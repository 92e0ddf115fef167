// The square of the pivots of each set at work; follows logistic_inverse.wgsl.
// Dispatch: (sets at work, blocks of PIVOTS rows); an invocation takes a row.

@compute @workgroup_size(BLOCK)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let subset = sets[group.x];
  let pivot = pivot_step(subset);
  let row = BLOCK * group.y + lane;
  for (var k = 0u; k < PIVOTS / 4u; k++) {
    let value = load_from(subset.x + PIVOTS * pivot + row, PIVOTS / 4u * pivot + k);
    store_to(PIVOTS * group.x + row, k, value);
  }
}
