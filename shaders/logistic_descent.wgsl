// A step of the alternating direction method on the quadratic model of each fit: what the product
// with the inverse ends in, for one fit and one texel of four columns. Follows logistic_prox.wgsl.
//
// The model about y is  g (x - y) + curvature / 2 (x - y) gram (x - y) + penalty(v)  with  x = v.
// t is v before it was shrunk, so that t - v is the multiplier; q is what the inverse of
// gram + ridge I is multiplied with, and the product is x - y. An iterate has
// two rows for each fit: q and t.
// Returns what, summed over the columns, tells how far the step was from standing still.

const RELAXATION = 1.7;

fn descend(fit: u32, subset: u32, k: u32, product: vec4f) -> f32 {
  let curvature = number(CURVATURE, fit);
  let strength = params.ridge * curvature;
  let weight = load_weight(subset, k);
  let y = load_y(fit, k);
  let t = load_iterate(2u * fit + 1u, k);
  let v = shrink(fit, t, weight, strength);
  let t_next = y + RELAXATION * product + (1.0 - RELAXATION) * (v - y) + t - v;
  let next = shrink(fit, t_next, weight, strength);
  let q = params.ridge * (2.0 * next - t_next - y) - load_g(fit, k) / curvature;
  let none = vec4f(0.0);
  store_next(2u * fit + 1u, k, select(t_next, none, is_excluded(weight)));
  store_next(2u * fit, k, select(q, none, is_excluded(weight)));
  let moved = next - v;
  let split = select(product + y - next, none, is_excluded(weight));
  return dot(moved, moved) + dot(split, split);
}

// A tile has nothing left to do when all its fits are solved; `first` is where `state` has them.
fn is_idle(first: u32) -> bool {
  for (var i = 0u; i < TILE; i++) {
    if (state[first + i] == 0.0) { return false; }
  }
  return true;
}
