// The residuals, weighted so that they sum to zero; logistic_rows.wgsl stands in front.
// Dispatch: (texels of fits, chunks of ROWS rows).
fn residual(group: vec3u, lane: u32) {
  let t = group.x;
  load_fits(t);
  let end = min(params.rows, (group.y + 1u) * ROWS);
  for (var row = group.y * ROWS + lane; row < end; row += LANES) {
    let positive = is_positive(row);
    let size = balanced_size(row, t, positive);
    store_r(row, t, select(size, -size, positive));
  }
}
