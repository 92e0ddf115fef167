// Residuals of a logistic-regression batch, elementwise over margins.
//
// z, previous, next: margins [rows, fits] of the accepted point, the one before, and the new one.
// labels: the class of each row; targets: the positive class of each fit, four a texel.
// MODEL chooses the dual point: 0 the residuals at the extrapolated point, 1 what the quadratic
// model makes of them at the new point. row_weight(row, t): the curvature of the model at a row.

// What a workgroup needs of its texel of fits.
var<private> target_classes: vec4u;
var<private> momentum: vec4f;
var<private> intercept: vec4f;
var<private> curvature: vec4f;
// How far the model moves the intercept with the new point.
var<private> shift: vec4f;
var<private> positive_weight: vec4f;
var<private> negative_weight: vec4f;

fn field(name: u32, t: u32) -> vec4f {
  return state[name * params.fit_texels + t];
}

fn load_fits(t: u32) {
  target_classes = targets[t];
  momentum = field(MOMENTUM, t);
  intercept = field(INTERCEPT, t);
  curvature = field(CURVATURE, t);
  shift = field(SHIFT, t);
  positive_weight = field(BALANCE_POSITIVE, t);
  negative_weight = field(BALANCE_NEGATIVE, t);
}

// log(1 + x), exact where 1 + x rounds. From 1/2 to 2 WGSL lets log be wrong by 2^-21, as it is on
// many GPUs: with ROUGH_LOG the series of 2 atanh(x / (2 + x)) takes its place.
fn log1p(x: vec4f) -> vec4f {
  if (ROUGH_LOG == 1u) {
    let s = x / (2.0 + x);
    let q = s * s;
    let terms = q * (0.33333333 + q * (0.2 + q * (0.14285714 + q * (0.11111111 + q * (0.09090909 + q * 0.07692308)))));
    return select(log(1.0 + x), 2.0 * (s + s * terms), (x >= vec4f(-0.5)) & (x <= vec4f(1.0)));
  }
  let series = x * (1.0 - x * (0.5 - x * (0.33333333 - x * 0.25)));
  return select(log(1.0 + x), series, abs(x) < vec4f(0.02));
}

fn sigmoid(x: vec4f) -> vec4f {
  return 1.0 / (1.0 + exp(-x));
}

// The margin of the extrapolated point, without the intercept.
fn extrapolated(row: u32, t: u32) -> vec4f {
  let z = load_z(row, t);
  return z + momentum * (z - load_previous(row, t));
}

fn is_positive(row: u32) -> vec4<bool> {
  return vec4u(labels[params.first_row + row]) == target_classes;
}

// |residual| at the extrapolated point, or as the quadratic model predicts it at the new point,
// which is nearly dual feasible.
fn dual_size(row: u32, t: u32, positive: vec4<bool>) -> vec4f {
  let margin = extrapolated(row, t);
  let total = margin + intercept;
  let size = sigmoid(select(total, -total, positive));
  if (MODEL == 0u) { return size; }
  let change = curvature * row_weight(row, t) * (load_next(row, t) - margin + shift);
  return clamp(size + select(change, -change, positive), vec4f(0.0), vec4f(1.0));
}

fn balanced_size(row: u32, t: u32, positive: vec4<bool>) -> vec4f {
  return dual_size(row, t, positive) * select(negative_weight, positive_weight, positive);
}
