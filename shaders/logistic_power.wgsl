// A step of the power method: what the product with the Gram matrix ends in, for one fit and one
// texel of four columns. Returns what is summed over the columns: the squared norm.

fn power(fit: u32, k: u32, product: vec4f) -> f32 {
  let norm = state[POWER_NORM * params.fit_texels + fit / 4u][fit & 3u];
  let start = vec4f(1.0, 1.25, 0.75, 1.125);
  let next = select(product / norm, start, params.first == 1u);
  let used = select(next, vec4f(0.0), load_weight(fit, k) > vec4f(1e17));
  store_e_next(fit, k, used);
  return dot(used, used);
}
