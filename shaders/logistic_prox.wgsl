// The proximal step of the penalty of a fit, for one texel of four columns.

fn number(field: u32, fit: u32) -> f32 {
  return state[field * 4u * params.fit_texels + fit];
}

fn is_excluded(weight: vec4f) -> vec4<bool> {
  return weight > vec4f(1e17);
}

// The point that `t` shrinks to where the quadratic term has curvature `strength`.
fn shrink(fit: u32, t: vec4f, weight: vec4f, strength: f32) -> vec4f {
  let threshold = number(L1, fit) * weight / strength;
  let ridge = number(L2, fit) * weight * weight / strength;
  return select(sign(t) * max(abs(t) - threshold, vec4f(0.0)) / (1.0 + ridge), vec4f(0.0), is_excluded(weight));
}
