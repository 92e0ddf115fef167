// The curvature of the loss at each row of the accepted point, scaled to a mean of 1/4, with a
// share that is the same for all rows; logistic_rows.wgsl stands in front.
// Dispatch: (texels of fits, chunks of ROWS rows).
fn weights(group: vec3u, lane: u32) {
  let t = group.x;
  load_fits(t);
  let scale = params.all_rows / max(field(SLOPE, t), vec4f(1e-20));
  let end = min(params.rows, (group.y + 1u) * ROWS);
  for (var row = group.y * ROWS + lane; row < end; row += LANES) {
    let p = sigmoid(load_z(row, t) + intercept);
    store_r(row, t, 0.25 * (0.9999 * scale * p * (1.0 - p) + 0.0001));
  }
}
