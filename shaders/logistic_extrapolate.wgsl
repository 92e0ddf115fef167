// Where a step begins, elementwise on coefficients [fits, cols]; follows logistic_prox.wgsl.
// a: the accepted point; b: the one before. Dispatch: (fits / LANES, texels).

// The extrapolated point: v plus momentum times the way from the point before.
fn extrapolate(fit: u32, k: u32) {
  let v = load_a(fit, k);
  store_out(fit, k, v + number(MOMENTUM, fit) * (v - load_b(fit, k)));
}
