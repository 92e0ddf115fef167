// Copies the rows of x to a row-major buffer: out[row][k] = texel k of that row.
//
// x: [rows, width]; out: array<vec4f> [rows, texels]. Lanes run along the rows: dispatch
// ceil(rows / LANES) x texels workgroups.

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x * LANES + lane;
  if (row < params.rows) {
    out[row * params.texels + group.y] = load_x(row, group.y);
  }
}
