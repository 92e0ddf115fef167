// Inverts the pivot block of each set at work, and multiplies it with the pivot rows; follows
// logistic_inverse.wgsl. Dispatch: (sets at work, texels of the widest set / 16).

var<workgroup> block: array<array<f32, 16>, 16>;

@compute @workgroup_size(16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let subset = sets[group.x];
  let pivot = pivot_block(subset);
  for (var k = 0u; k < 4u; k++) {
    let value = load_from(subset.x + 16u * pivot + lane, 4u * pivot + k);
    for (var c = 0u; c < 4u; c++) { block[lane][4u * k + c] = value[c]; }
  }
  workgroupBarrier();
  for (var p = 0u; p < 16u; p++) {
    let inverse = 1.0 / block[p][p];
    let factor = block[lane][p];
    workgroupBarrier();
    if (lane == p) {
      for (var j = 0u; j < 16u; j++) { block[p][j] *= inverse; }
      block[p][p] = inverse;
    }
    workgroupBarrier();
    if (lane != p) {
      for (var j = 0u; j < 16u; j++) {
        block[lane][j] = select(block[lane][j], 0.0, j == p) - factor * block[p][j];
      }
    }
    workgroupBarrier();
  }
  let k = 16u * group.y + lane;
  if (k >= 4u * subset.y) { return; }
  if (k / 4u == pivot) {
    for (var i = 0u; i < 16u; i++) {
      let c = 4u * (k & 3u);
      let row = block[i];
      store_panel(16u * group.x + i, k, vec4f(row[c], row[c + 1u], row[c + 2u], row[c + 3u]));
    }
    return;
  }
  var sums = array<vec4f, 16>();
  for (var j = 0u; j < 16u; j++) {
    let value = load_from(subset.x + 16u * pivot + j, k);
    for (var i = 0u; i < 16u; i++) { sums[i] += block[i][j] * value; }
  }
  for (var i = 0u; i < 16u; i++) { store_panel(16u * group.x + i, k, sums[i]); }
}
