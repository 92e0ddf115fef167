// Where a descent on the quadratic model begins, elementwise on coefficients [fits, cols]; follows
// logistic_prox.wgsl. a: the point y; b: the gradient there; even, odd: the two last iterates of
// the descent before; out: the first iterate of this one. Dispatch: (fits / LANES, texels).

// The multipliers go on from the descent before; the first one takes those that fit the gradient.
fn begin(fit: u32, k: u32) {
  let curvature = number(CURVATURE, fit);
  let strength = params.ridge * curvature;
  let weight = load_weight(spans[fit / TILE].w, k);
  let y = load_a(fit, k);
  let g = load_b(fit, k);
  let threshold = number(L1, fit) * weight / strength;
  var multiplier = clamp(-g / strength, -threshold, threshold);
  let before = number(LAST_CURVATURE, fit);
  if (before > 0.0) {
    let odd = (u32(number(INNER_STEPS, fit)) & 1u) == 1u;
    let t = select(load_even(2u * fit + 1u, k), load_odd(2u * fit + 1u, k), odd);
    multiplier = (t - shrink(fit, t, weight, params.ridge * before)) * (before / curvature);
  }
  let none = vec4f(0.0);
  let t = select(y + multiplier, none, is_excluded(weight));
  let v = shrink(fit, t, weight, strength);
  store_out(2u * fit + 1u, k, t);
  store_out(2u * fit, k, select(params.ridge * (2.0 * v - t - y) - g / curvature, none, is_excluded(weight)));
}
