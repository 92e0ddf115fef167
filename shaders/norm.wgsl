// Layer normalisation of each row: y = (x - mean) / sqrt(variance + epsilon) * gain + bias, or,
// with RMS set, y = x / sqrt(mean of squares + epsilon) * gain.
//
// x, y: [rows, width]; gain, bias: [1, width]. Lanes run along the rows: dispatch
// ceil(rows / LANES) workgroups. The last texel may hold fewer than four columns; the gain is zero
// beyond them.

fn mask(k: u32) -> vec4f {
  return select(vec4f(0.0), vec4f(1.0), 4u * k + vec4u(0u, 1u, 2u, 3u) < vec4u(params.width));
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x * LANES + lane;
  let texels = (params.width + 3u) / 4u;
  var mean = 0.0;
  if (RMS == 0u) {
    var sum = vec4f(0.0);
    for (var k = 0u; k < texels; k++) {
      sum += load_x(row, k);
    }
    mean = dot(sum, vec4f(1.0)) / f32(params.width);
  }
  var squares = vec4f(0.0);
  for (var k = 0u; k < texels; k++) {
    let difference = (load_x(row, k) - mean) * mask(k);
    squares += difference * difference;
  }
  let scale = inverseSqrt(dot(squares, vec4f(1.0)) / f32(params.width) + params.epsilon);
  if (row >= params.rows) {
    return;
  }
  for (var k = 0u; k < texels; k++) {
    let normed = (load_x(row, k) - mean) * scale * load_gain(0u, k);
    store_y(row, k, normed + load_bias(0u, k));
  }
}
