// Elementwise steps on the coefficients [fits, cols] of a batch. Dispatch: (fits / LANES, texels).

// The new point: v_next = y + u.
fn accept(fit: u32, k: u32) {
  store_out(fit, k, load_a(fit, k) + load_b(fit, k));
}

// The extrapolated point: y = v + momentum (v - previous).
fn extrapolate(fit: u32, k: u32) {
  let v = load_a(fit, k);
  let momentum = state[MOMENTUM * 4u * params.fit_texels + fit];
  store_out(fit, k, v + momentum * (v - load_b(fit, k)));
}
