// Sums what a product with the inverses left for each fit. One invocation a tile of TILE fits;
// COLUMNS: texels of columns that a workgroup of the product took.
// A fit is done when its steps have become short; a tile stops when all its fits are done, and
// where the last point lies depends on its steps.

fn total(t: u32) -> vec4f {
  let span = spans[4u * t / TILE];
  let groups = (span.y - span.x + COLUMNS - 1u) / COLUMNS;
  var sum = vec4f(0.0);
  for (var i = 0u; i < groups; i++) { sum += partials[i * params.fit_texels + t]; }
  return sum;
}

fn at(field: u32, t: u32) -> u32 {
  return field * params.fit_texels + t;
}

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.tiles) { return; }
  let first = id.x * (TILE / 4u);
  if (params.step > 0u) {
    var least = vec4f(1.0);
    for (var t = first; t < first + TILE / 4u; t++) { least = min(least, state[at(INNER_DONE, t)]); }
    if (min(min(least.x, least.y), min(least.z, least.w)) > 0.0) { return; }
  }
  for (var t = first; t < first + TILE / 4u; t++) {
    let length = total(t);
    let start = select(state[at(INNER_START, t)], length, params.step == 0u);
    state[at(INNER_START, t)] = start;
    state[at(INNER_DONE, t)] = select(vec4f(0.0), vec4f(1.0), length <= params.enough * start);
    state[at(INNER_STEPS, t)] = vec4f(f32(params.step + 1u));
  }
}
