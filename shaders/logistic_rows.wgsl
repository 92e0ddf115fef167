// Residuals of a logistic-regression batch, elementwise over margins.
//
// z, previous, next: margins [rows, fits] of the accepted point, the one before, and the new one.
// labels: the class of each row; targets: the positive class of each fit, four a texel.
// MODEL chooses the dual point: 0 the residuals at the extrapolated point, 1 what the quadratic
// model makes of them at the new point.

fn field(name: u32, t: u32) -> vec4f {
  return state[name * params.fit_texels + t];
}

// log(1 + x), exact where 1 + x rounds.
fn log1p(x: vec4f) -> vec4f {
  let series = x * (1.0 - x * (0.5 - x * (0.33333333 - x * 0.25)));
  return select(log(1.0 + x), series, abs(x) < vec4f(0.02));
}

fn sigmoid(x: vec4f) -> vec4f {
  return 1.0 / (1.0 + exp(-x));
}

// The margin of the extrapolated point, without the intercept.
fn extrapolated(row: u32, t: u32) -> vec4f {
  let z = load_z(row, t);
  return z + field(MOMENTUM, t) * (z - load_previous(row, t));
}

fn is_positive(row: u32, t: u32) -> vec4<bool> {
  return vec4u(labels[params.first_row + row]) == targets[t];
}

// |residual| at the extrapolated point.
fn residual_size(row: u32, t: u32, positive: vec4<bool>) -> vec4f {
  let margin = extrapolated(row, t) + field(INTERCEPT, t);
  return sigmoid(select(margin, -margin, positive));
}

// |residual| as the quadratic model predicts it at the new point: nearly dual feasible.
fn model_size(row: u32, t: u32, positive: vec4<bool>) -> vec4f {
  let change = 0.25 * field(CURVATURE, t) * (load_next(row, t) - extrapolated(row, t));
  let size = residual_size(row, t, positive) + select(change, -change, positive);
  return clamp(size, vec4f(0.0), vec4f(1.0));
}

fn dual_size(row: u32, t: u32, positive: vec4<bool>) -> vec4f {
  if (MODEL == 1u) { return model_size(row, t, positive); }
  return residual_size(row, t, positive);
}

fn balanced_size(row: u32, t: u32, positive: vec4<bool>) -> vec4f {
  return dual_size(row, t, positive) *
    select(field(BALANCE_NEGATIVE, t), field(BALANCE_POSITIVE, t), positive);
}
