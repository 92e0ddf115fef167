// Sums what a product with the Gram matrix left for each fit, and concludes. One invocation a texel
// of four fits; COLUMNS: texels of columns a workgroup of the product took.

fn total(t: u32) -> vec4f {
  let span = spans[4u * t / TILE];
  let groups = (span.y - span.x + COLUMNS - 1u) / COLUMNS;
  var sum = vec4f(0.0);
  for (var i = 0u; i < groups; i++) { sum += partials[i * params.fit_texels + t]; }
  return sum;
}

fn at(field: u32, t: u32) -> u32 {
  return field * params.fit_texels + t;
}

// Nesterov's sequence, begun again where the step turned back.
fn momentum(t: u32) {
  var now = state[at(INNER_TIME, t)];
  if (params.first == 1u) { now = vec4f(1.0); }
  let turned = total(t) > vec4f(0.0);
  let next = select(0.5 * (1.0 + sqrt(1.0 + 4.0 * now * now)), vec4f(1.0), turned);
  state[at(INNER_TIME, t)] = next;
  state[at(INNER_MOMENTUM, t)] = (next - 1.0) / (0.5 * (1.0 + sqrt(1.0 + 4.0 * next * next)));
}

// The norm of the new vector; where the one before had norm 1 it is the eigenvalue.
fn norm(t: u32) {
  let size = sqrt(total(t));
  state[at(POWER_NORM, t)] = select(size, vec4f(1.0), size == vec4f(0.0));
  state[at(LIPSCHITZ, t)] = state[at(POWER_NORM, t)] * 1.05;
}
