// The end of a descent, elementwise on coefficients [fits, cols]; follows logistic_prox.wgsl.
// a, b: the two last iterates. Dispatch: (fits / LANES, texels).

// The new point: that of the last iterate.
fn accept(fit: u32, k: u32) {
  let odd = (u32(number(INNER_STEPS, fit)) & 1u) == 1u;
  let weight = load_weight(spans[fit / TILE].w, k);
  let t = select(load_a(2u * fit + 1u, k), load_b(2u * fit + 1u, k), odd);
  store_out(fit, k, shrink(fit, t, weight, params.ridge * number(CURVATURE, fit)));
}
