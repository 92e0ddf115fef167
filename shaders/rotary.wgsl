// Turns query and key heads by their positions: of each pair of neighbouring columns (a, b) of a
// head, y = (a cos - b sin, b cos + a sin). With NORM set each head goes through an RMS norm first.
//
// x: [rows, columns] holds the heads side by side from its first column on, HEAD_TEXELS texels
// each; y: [rows, heads]; table: [positions, head] of pairs (cos, sin); gain: a row a head;
// positions: one a row. Lanes run along the rows: dispatch ceil(rows / LANES) x heads workgroups.

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x * LANES + lane;
  let first = group.y * HEAD_TEXELS;
  var scale = 1.0;
  if (NORM == 1u) {
    var squares = vec4f(0.0);
    for (var k = 0u; k < HEAD_TEXELS; k++) {
      let value = load_x(row, first + k);
      squares += value * value;
    }
    scale = inverseSqrt(dot(squares, vec4f(1.0)) / f32(params.head_width) + params.epsilon);
  }
  if (row >= params.rows) {
    return;
  }
  let position = positions[row];
  for (var k = 0u; k < HEAD_TEXELS; k++) {
    var value = load_x(row, first + k);
    if (NORM == 1u) {
      value *= scale * load_gain(group.y, k);
    }
    let turn = load_table(position, k);
    store_y(row, first + k, value * turn.xxzz + vec4f(-value.y, value.x, -value.w, value.z) * turn.yyww);
  }
}
