// Sums over the columns of each fit of a logistic-regression batch: one invocation a fit.
//
// v, g: coefficients and gradients [fits, cols]; weight: penalty weights [sets, cols].
// spans, texels: the columns of each tile of TILE fits. Dispatch: (fits / LANES).

fn at(field: u32, fit: u32) -> u32 {
  return field * 4u * params.fit_texels + fit;
}

// The largest factor by which the residuals stay dual feasible; a quadratic penalty has no
// constraint, but a conjugate.
fn feasible(fit: u32) {
  let l1 = state[at(L1, fit)];
  let l2 = state[at(L2, fit)];
  let span = spans[fit / TILE];
  var worst = 1.0;
  var conjugate = 0.0;
  for (var i = span.x; i < span.y; i++) {
    let k = texels[i];
    let g = abs(load_g(fit, k));
    let w = load_weight(span.w, k);
    let ratio = g / max(l1 * w, vec4f(1e-30));
    worst = max(worst, max(max(ratio.x, ratio.y), max(ratio.z, ratio.w)));
    let excess = max(g - l1 * w, vec4f(0.0)) / max(w, vec4f(1e-30));
    conjugate += dot(excess, excess);
  }
  if (l2 > 0.0) {
    state[at(DUAL_SCALE, fit)] = 1.0;
    state[at(CONJUGATE, fit)] = 0.5 * conjugate / l2;
  } else {
    state[at(DUAL_SCALE, fit)] = 1.0 / worst;
    state[at(CONJUGATE, fit)] = 0.0;
  }
}

fn penalty(fit: u32) {
  let span = spans[fit / TILE];
  var sum = 0.0;
  var squares = 0.0;
  for (var i = span.x; i < span.y; i++) {
    let k = texels[i];
    let scaled = abs(load_v(fit, k)) * load_weight(span.w, k);
    sum += dot(scaled, vec4f(1.0));
    squares += dot(scaled, scaled);
  }
  state[at(PENALTY, fit)] = state[at(L1, fit)] * sum + 0.5 * state[at(L2, fit)] * squares;
}
