// The few numbers of each fit that steer a logistic-regression batch: state[field][fits / 4].
// One invocation a texel of four fits; it adds up the SUMS sums that logistic_sums.wgsl left.

fn total(t: u32, which: u32) -> vec4f {
  var sum = vec4f(0.0);
  for (var chunk = 0u; chunk < params.chunks; chunk++) {
    sum += partials[(chunk * params.fit_texels + t) * SUMS + which];
  }
  return sum;
}

fn at(field: u32, t: u32) -> u32 {
  return field * params.fit_texels + t;
}

fn newton(t: u32, residual: vec4f, slope: vec4f) {
  let step = residual / max(slope, vec4f(1e-6));
  state[at(INTERCEPT, t)] -= clamp(step, vec4f(-1.5), vec4f(1.5));
}

// One Newton step of the intercept at the extrapolated point.
fn intercept(t: u32) {
  newton(t, total(t, 1u) - total(t, 0u), total(t, 2u));
}

// The factors that make the residuals of the two classes sum to zero.
fn balance(t: u32) {
  let positives = total(t, 0u);
  let negatives = total(t, 1u);
  let least = min(positives, negatives);
  state[at(BALANCE_POSITIVE, t)] = least / max(positives, vec4f(1e-30));
  state[at(BALANCE_NEGATIVE, t)] = least / max(negatives, vec4f(1e-30));
}

// After a step: the curvature that the loss showed along it is what the next model is made with,
// and Nesterov's sequence goes on, or begins again where the step turned back or went too far.
// The intercept takes a Newton step at the new point.
fn compared(t: u32) {
  let curvature = state[at(CURVATURE, t)];
  let quadratic = total(t, 1u);
  let seen = select(curvature, total(t, 0u) / max(quadratic, vec4f(1e-30)), quadratic > vec4f(1e-20));
  let again = (total(t, 2u) > vec4f(0.0)) | (seen > curvature);
  let now = state[at(TIME, t)];
  let next = 0.5 * (1.0 + sqrt(1.0 + 4.0 * now * now));
  state[at(TIME, t)] = select(next, vec4f(1.0), again);
  state[at(MOMENTUM, t)] = select((now - 1.0) / next, vec4f(0.0), again);
  state[at(LAST_CURVATURE, t)] = curvature;
  state[at(CURVATURE, t)] = clamp(1.2 * seen, max(0.5 * curvature, vec4f(1e-4)), vec4f(1e4));
  state[at(SLOPE, t)] = total(t, 4u);
  state[at(INTERCEPT, t)] += state[at(SHIFT, t)];
  newton(t, total(t, 3u), total(t, 4u));
}

// The intercept follows the rows that have curvature; where all have the same, centred columns keep
// it in place.
fn shifted(t: u32) {
  state[at(SHIFT, t)] = -4.0 * total(t, 0u) / params.rows;
}

fn loss(t: u32) {
  state[at(LOSS, t)] = total(t, 0u);
}

fn dual(t: u32) {
  state[at(DUAL, t)] = max(state[at(DUAL, t)], total(t, 0u) - state[at(CONJUGATE, t)]);
}

// A new model has the curvature of the loss at its rows: its scale and the sequence begin again.
fn refreshed(t: u32) {
  let curvature = params.caution * max(4.0 * state[at(SLOPE, t)] / params.rows, vec4f(1e-6));
  state[at(CURVATURE, t)] = curvature;
  state[at(TIME, t)] = vec4f(1.0);
  state[at(MOMENTUM, t)] = vec4f(0.0);
}
