// Inverts the block of the pivots of each set at work, where PIVOTS = BLOCK; follows
// logistic_inverse.wgsl. Lanes run along the rows of the block, a workgroup's width apart; an
// invocation keeps its own rows, and all see the pivot row. Dispatch: (sets at work).

const OWN = BLOCK / LANES;
const TEXELS = BLOCK / 4u;

var<workgroup> shared_row: array<vec4f, TEXELS>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let subset = sets[group.x];
  let pivot = pivot_step(subset);
  var own: array<array<vec4f, TEXELS>, OWN>;
  for (var i = 0u; i < OWN; i++) {
    for (var k = 0u; k < TEXELS; k++) {
      own[i][k] = load_from(subset.x + BLOCK * pivot + lane + LANES * i, TEXELS * pivot + k);
    }
  }
  for (var p = 0u; p < BLOCK; p++) {
    let place = vec4u(0u, 1u, 2u, 3u) == vec4u(p & 3u);
    // The pivot row is scaled by who owns it, with the inverse in the place of the pivot.
    workgroupBarrier();
    if (lane == p % LANES) {
      let i = p / LANES;
      let inverse = 1.0 / own[i][p / 4u][p & 3u];
      for (var k = 0u; k < TEXELS; k++) { shared_row[k] = own[i][k] * inverse; }
      shared_row[p / 4u] = select(shared_row[p / 4u], vec4f(inverse), place);
    }
    workgroupBarrier();
    for (var i = 0u; i < OWN; i++) {
      let factor = own[i][p / 4u][p & 3u];
      own[i][p / 4u] = select(own[i][p / 4u], vec4f(0.0), place);
      let is_pivot = lane + LANES * i == p;
      for (var k = 0u; k < TEXELS; k++) {
        own[i][k] = select(own[i][k] - factor * shared_row[k], shared_row[k], is_pivot);
      }
    }
  }
  for (var i = 0u; i < OWN; i++) {
    for (var k = 0u; k < TEXELS; k++) {
      store_inverted(BLOCK * group.x + lane + LANES * i, k, own[i][k]);
    }
  }
}
