// Elementwise nonlinearities of feed-forward networks, four values at a time; nonfinite.wgsl stands
// in front.

// Abramowitz and Stegun 7.1.26: |error| <= 1.5e-7.
fn erf(x: vec4f) -> vec4f {
  let a = abs(x);
  let t = 1.0 / (1.0 + 0.3275911 * a);
  let poly = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return sign(x) * (1.0 - poly * exp(-a * a));
}

fn gelu(x: vec4f) -> vec4f {
  return 0.5 * x * (1.0 + erf(x * 0.7071067811865476));
}

// The argument is clamped, for some drivers' tanh overflows.
fn gelu_tanh(x: vec4f) -> vec4f {
  let u = 0.7978845608028654 * (x + 0.044715 * x * x * x);
  return 0.5 * x * (1.0 + tanh(clamp(u, vec4f(-15.0), vec4f(15.0))));
}

fn relu(x: vec4f) -> vec4f {
  return select(x, vec4f(0.0), (x < vec4f(0.0)) & !is_nonfinite(x)); // max() would make NaN 0
}

fn silu(x: vec4f) -> vec4f {
  return x / (1.0 + exp(-x));
}

fn identity(x: vec4f) -> vec4f {
  return x;
}
