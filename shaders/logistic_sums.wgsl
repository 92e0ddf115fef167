// Sums over the rows of a logistic-regression batch; logistic_rows.wgsl stands in front.
// A workgroup takes one texel of four fits and ROWS rows; its SUMS sums go to `partials`, and
// logistic_state.wgsl adds them up. Dispatch: (texels of fits, chunks of ROWS rows).

var<workgroup> scratch: array<vec4f, LANES * SUMS>;

fn reduce(t: u32, chunk: u32, lane: u32, sums: array<vec4f, SUMS>) {
  for (var i = 0u; i < SUMS; i++) { scratch[lane * SUMS + i] = sums[i]; }
  workgroupBarrier();
  for (var which = lane; which < SUMS; which += LANES) {
    var sum = vec4f(0.0);
    for (var i = 0u; i < LANES; i++) { sum += scratch[i * SUMS + which]; }
    partials[((params.first_chunk + chunk) * params.fit_texels + t) * SUMS + which] = sum;
  }
}

// What the intercept and the balance of the two classes need: the summed residuals of the positive
// and of the negative rows, and the curvature.
fn sums(group: vec3u, lane: u32) {
  let t = group.x;
  load_fits(t);
  var positives = vec4f(0.0);
  var negatives = vec4f(0.0);
  var slope = vec4f(0.0);
  let end = min(params.rows, (group.y + 1u) * ROWS);
  for (var row = group.y * ROWS + lane; row < end; row += LANES) {
    let positive = is_positive(row);
    let size = dual_size(row, t, positive);
    positives += select(vec4f(0.0), size, positive);
    negatives += select(size, vec4f(0.0), positive);
    slope += size * (1.0 - size);
  }
  reduce(t, group.y, lane, array<vec4f, SUMS>(positives, negatives, slope, vec4f(0.0), vec4f(0.0)));
}

fn softplus(x: vec4f) -> vec4f {
  return max(x, vec4f(0.0)) + log1p(exp(-abs(x)));
}

// log(1 + exp(m + d)) - log(1 + exp(m)) - d p with p = sigmoid(m), by its series where they cancel.
fn beyond_tangent(m: vec4f, d: vec4f, p: vec4f) -> vec4f {
  let series = 0.5 * d * d * p * (1.0 - p) * (1.0 + d * (1.0 - 2.0 * p) / 3.0);
  return select(softplus(m + d) - softplus(m) - d * p, series, abs(d) < vec4f(0.1));
}

// How the loss moved from the extrapolated to the new point beyond its tangent, and the same for
// the model of curvature 1; whether the step turned back; and what the intercept needs there.
fn compare(group: vec3u, lane: u32) {
  let t = group.x;
  load_fits(t);
  var excess = vec4f(0.0);
  var quadratic = vec4f(0.0);
  var turn = vec4f(0.0);
  var residuals = vec4f(0.0);
  var slope = vec4f(0.0);
  let end = min(params.rows, (group.y + 1u) * ROWS);
  for (var row = group.y * ROWS + lane; row < end; row += LANES) {
    let margin = extrapolated(row, t);
    let next = load_next(row, t);
    let change = next - margin + shift;
    excess += beyond_tangent(margin + intercept, change, sigmoid(margin + intercept));
    quadratic += 0.5 * row_weight(row, t) * change * change;
    turn -= change * (next - load_z(row, t));
    let p = sigmoid(next + intercept + shift);
    residuals += p - select(vec4f(0.0), vec4f(1.0), is_positive(row));
    slope += p * (1.0 - p);
  }
  reduce(t, group.y, lane, array<vec4f, SUMS>(excess, quadratic, turn, residuals, slope));
}

// How the model's rows move on average.
fn drift(group: vec3u, lane: u32) {
  let t = group.x;
  load_fits(t);
  var sum = vec4f(0.0);
  let end = min(params.rows, (group.y + 1u) * ROWS);
  for (var row = group.y * ROWS + lane; row < end; row += LANES) {
    sum += row_weight(row, t) * (load_next(row, t) - extrapolated(row, t));
  }
  reduce(t, group.y, lane, array<vec4f, SUMS>(sum, vec4f(0.0), vec4f(0.0), vec4f(0.0), vec4f(0.0)));
}

// The loss at the new point.
fn loss(group: vec3u, lane: u32) {
  let t = group.x;
  load_fits(t);
  var sum = vec4f(0.0);
  let end = min(params.rows, (group.y + 1u) * ROWS);
  for (var row = group.y * ROWS + lane; row < end; row += LANES) {
    let margin = load_next(row, t) + intercept;
    sum += softplus(select(margin, -margin, is_positive(row)));
  }
  reduce(t, group.y, lane, array<vec4f, SUMS>(sum, vec4f(0.0), vec4f(0.0), vec4f(0.0), vec4f(0.0)));
}

// The dual objective of the scaled residuals.
fn entropy(group: vec3u, lane: u32) {
  let t = group.x;
  load_fits(t);
  let scale = field(DUAL_SCALE, t);
  var sum = vec4f(0.0);
  let end = min(params.rows, (group.y + 1u) * ROWS);
  for (var row = group.y * ROWS + lane; row < end; row += LANES) {
    let a = scale * balanced_size(row, t, is_positive(row));
    sum -= a * log(max(a, vec4f(1e-37))) + (1.0 - a) * log1p(-min(a, vec4f(0.9999999)));
  }
  reduce(t, group.y, lane, array<vec4f, SUMS>(sum, vec4f(0.0), vec4f(0.0), vec4f(0.0), vec4f(0.0)));
}
