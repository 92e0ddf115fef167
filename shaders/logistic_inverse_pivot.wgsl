// Inverts the pivot block of each set at work; follows logistic_inverse.wgsl. Lanes run along the
// rows of the block, a workgroup's width apart. Dispatch: (sets at work).

var<workgroup> block: array<array<vec4f, BLOCK / 4u>, BLOCK>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let subset = sets[group.x];
  let pivot = pivot_block(subset);
  for (var row = lane; row < BLOCK; row += LANES) {
    for (var k = 0u; k < BLOCK / 4u; k++) {
      block[row][k] = load_from(subset.x + BLOCK * pivot + row, BLOCK / 4u * pivot + k);
    }
  }
  for (var p = 0u; p < BLOCK; p++) {
    workgroupBarrier();
    let inverse = 1.0 / block[p][p / 4u][p & 3u];
    workgroupBarrier();
    // The pivot row is scaled by the lanes together, a texel each.
    for (var k = lane; k < BLOCK / 4u; k += LANES) {
      var value = block[p][k] * inverse;
      if (k == p / 4u) { value[p & 3u] = inverse; }
      block[p][k] = value;
    }
    workgroupBarrier();
    for (var row = lane; row < BLOCK; row += LANES) {
      if (row == p) { continue; }
      let factor = block[row][p / 4u][p & 3u];
      block[row][p / 4u][p & 3u] = 0.0;
      for (var k = 0u; k < BLOCK / 4u; k++) { block[row][k] -= factor * block[p][k]; }
    }
  }
  for (var row = lane; row < BLOCK; row += LANES) {
    for (var k = 0u; k < BLOCK / 4u; k++) {
      store_pivots(BLOCK * group.x + row, k, block[row][k]);
    }
  }
}
