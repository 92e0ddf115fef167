// Gathers the rows and columns of each set out of the Gram matrix and adds the ridge.
// weight: the penalty weights of each set; a column that is excluded stands apart from all others.
// Dispatch: (blocks of rows, texels of the widest set / 4); an invocation takes a row and 4 texels.

@compute @workgroup_size(BLOCK)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let block = blocks[group.x];
  let subset = sets[block.x];
  let list = lists[block.x];
  let local = BLOCK * block.y + lane;
  let row = list.x + local / 4u;
  var column = 0u;
  var inside = row < list.y;
  if (inside) {
    column = 4u * texels[row] + (local & 3u);
    inside = load_weight(list.z, column / 4u)[column & 3u] < 1e17;
  }
  for (var i = 0u; i < 4u; i++) {
    let k = 4u * group.y + i;
    if (k >= PIVOTS / 4u * subset.y) { return; }
    var value = vec4f(0.0);
    if (inside && list.x + k < list.y) {
      let source = texels[list.x + k];
      let used = load_weight(list.z, source) < vec4f(1e17);
      value = select(vec4f(0.0), load_gram(column, source) - drift(column, source), used);
    }
    if (k == local / 4u) {
      let own = vec4u(0u, 1u, 2u, 3u) == vec4u(local & 3u);
      value = select(value, select(vec4f(1.0), value + params.ridge, inside), own);
    }
    store_to(subset.x + local, k, value);
    store_copy(subset.x + local, k, value);
  }
}
