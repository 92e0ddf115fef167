// Gathers columns of a matrix: to[first_row + row, j] = from[row, columns[j]], and where `columns`
// says ELSEWHERE what before(row, k), which the host puts behind, says of texel k.
//
// from: [rows, cols]; to: [>= first_row + rows, count]; columns: four a texel of `to`.
// Lanes run along the rows: dispatch ceil(rows / LANES) x texels workgroups.

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.x;
  if (row >= params.rows) { return; }
  let wanted = columns[id.y];
  var value = before(params.first_row + row, id.y);
  for (var i = 0u; i < 4u; i++) {
    let column = wanted[i];
    if (column != ELSEWHERE) {
      let place = vec4u(0u, 1u, 2u, 3u) == vec4u(i);
      value = select(value, vec4f(load_from(row, column / 4u)[column & 3u]), place);
    }
  }
  store_to(params.first_row + row, id.y, value);
}
