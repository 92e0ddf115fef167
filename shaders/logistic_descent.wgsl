// A step of proximal gradient descent with momentum on the quadratic model of each fit: what the
// product with the Gram matrix ends in, for one fit and one texel of four columns.
// y: the point of the model; e and u: the extrapolated and the last point as differences from y.
// Returns what, summed over the columns, tells whether the step turned back.

fn descend(fit: u32, k: u32, product: vec4f) -> f32 {
  let curvature = number(CURVATURE, fit);
  let step = 1.0 / (curvature * number(LIPSCHITZ, fit));
  let y = load_y(fit, k);
  let w = load_weight(fit, k);
  var e = vec4f(0.0);
  var u = vec4f(0.0);
  if (params.first == 0u) {
    e = load_e(fit, k);
    u = load_u(fit, k);
  }
  let x = y + e - step * (curvature * product + load_g(fit, k));
  let shrunk = sign(x) * max(abs(x) - step * number(L1, fit) * w, vec4f(0.0));
  let next = shrunk / (1.0 + step * number(L2, fit) * w * w) - y;
  let moved = next - u;
  store_u_next(fit, k, next);
  let momentum = select(number(INNER_MOMENTUM, fit), 0.0, params.first == 1u);
  store_e_next(fit, k, next + momentum * moved);
  return dot(e - next, moved);
}

fn number(field: u32, fit: u32) -> f32 {
  return state[field * params.fit_texels + fit / 4u][fit & 3u];
}
