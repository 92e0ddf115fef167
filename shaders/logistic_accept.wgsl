// The end of a descent, elementwise on coefficients [fits, cols]; follows logistic_prox.wgsl.
// a, b: the two places of t. Dispatch: (fits / LANES, texels).

// The new point: the last of the descent steps, which alternate between two places.
fn accept(fit: u32, k: u32) {
  let odd = (u32(number(INNER_STEPS, fit)) & 1u) == 1u;
  let weight = load_weight(spans[fit / TILE].w, k);
  let t = select(load_a(fit, k), load_b(fit, k), odd);
  store_out(fit, k, shrink(fit, t, weight, params.ridge * number(CURVATURE, fit)));
}
