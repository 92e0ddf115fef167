// Sums over the rows of a logistic-regression batch; logistic_rows.wgsl stands in front.
// A workgroup takes one texel of four fits and ROWS rows; its sums go to `partials`, four vectors
// each, and logistic_state.wgsl adds them up. Dispatch: (texels of fits, chunks of ROWS rows).

var<workgroup> scratch: array<vec4f, LANES * 4>;

fn reduce(t: u32, chunk: u32, lane: u32, a: vec4f, b: vec4f, c: vec4f, d: vec4f) {
  scratch[lane * 4u] = a;
  scratch[lane * 4u + 1u] = b;
  scratch[lane * 4u + 2u] = c;
  scratch[lane * 4u + 3u] = d;
  workgroupBarrier();
  if (lane < 4u) {
    var sum = vec4f(0.0);
    for (var i = 0u; i < LANES; i++) { sum += scratch[i * 4u + lane]; }
    partials[((params.first_chunk + chunk) * params.fit_texels + t) * 4u + lane] = sum;
  }
}

// The sums that the intercept and the balance of the two classes need.
fn sums(group: vec3u, lane: u32) {
  let t = group.x;
  var positives = vec4f(0.0);
  var negatives = vec4f(0.0);
  var curvature = vec4f(0.0);
  let end = min(params.rows, (group.y + 1u) * ROWS);
  for (var row = group.y * ROWS + lane; row < end; row += LANES) {
    let positive = is_positive(row, t);
    let size = dual_size(row, t, positive);
    positives += select(vec4f(0.0), size, positive);
    negatives += select(size, vec4f(0.0), positive);
    curvature += size * (1.0 - size);
  }
  reduce(t, group.y, lane, positives, negatives, curvature, vec4f(0.0));
}

// How the loss moved from the extrapolated to the new point beyond its tangent, and the same for a
// quadratic of curvature 1/4; and whether the step turned back.
fn compare(group: vec3u, lane: u32) {
  let t = group.x;
  var excess = vec4f(0.0);
  var quadratic = vec4f(0.0);
  var turn = vec4f(0.0);
  let end = min(params.rows, (group.y + 1u) * ROWS);
  for (var row = group.y * ROWS + lane; row < end; row += LANES) {
    let from_margin = extrapolated(row, t);
    let next = load_next(row, t);
    let change = next - from_margin;
    excess += beyond_tangent(from_margin + field(INTERCEPT, t), change);
    quadratic += 0.125 * change * change;
    turn -= change * (next - load_z(row, t));
  }
  reduce(t, group.y, lane, excess, quadratic, turn, vec4f(0.0));
}

// log(1 + exp(m + d)) - log(1 + exp(m)) - d sigmoid(m), by its series where the terms cancel.
fn beyond_tangent(m: vec4f, d: vec4f) -> vec4f {
  let p = sigmoid(m);
  let series = 0.5 * d * d * p * (1.0 - p) * (1.0 + d * (1.0 - 2.0 * p) / 3.0);
  return select(softplus(m + d) - softplus(m) - d * p, series, abs(d) < vec4f(0.1));
}

fn softplus(x: vec4f) -> vec4f {
  return max(x, vec4f(0.0)) + log1p(exp(-abs(x)));
}

// The loss at the new point, and what the intercept there needs.
fn accept(group: vec3u, lane: u32) {
  let t = group.x;
  var residual = vec4f(0.0);
  var curvature = vec4f(0.0);
  var loss = vec4f(0.0);
  let end = min(params.rows, (group.y + 1u) * ROWS);
  for (var row = group.y * ROWS + lane; row < end; row += LANES) {
    let positive = is_positive(row, t);
    let margin = load_next(row, t) + field(INTERCEPT, t);
    let against = select(margin, -margin, positive);
    let size = sigmoid(against);
    residual += select(size, -size, positive);
    curvature += size * (1.0 - size);
    loss += softplus(against);
  }
  reduce(t, group.y, lane, residual, curvature, loss, vec4f(0.0));
}

// The dual objective of the scaled residuals.
fn entropy(group: vec3u, lane: u32) {
  let t = group.x;
  let scale = field(DUAL_SCALE, t);
  var sum = vec4f(0.0);
  let end = min(params.rows, (group.y + 1u) * ROWS);
  for (var row = group.y * ROWS + lane; row < end; row += LANES) {
    let a = scale * balanced_size(row, t, is_positive(row, t));
    sum -= a * log(max(a, vec4f(1e-37))) + (1.0 - a) * log1p(-min(a, vec4f(0.9999999)));
  }
  reduce(t, group.y, lane, sum, vec4f(0.0), vec4f(0.0), vec4f(0.0));
}
