// Pools the states of each sentence: out[pool][sentence] = the first or last row of x that belongs
// to the sentence, or the maximum or mean over its rows. nonfinite.wgsl stands in front.
//
// x: [tokens, width]; sentences: (first row, end row); out: array<vec4f> [pools, sentences,
// texels]. The pools that are wanted come in the order first, last, max, mean. Lanes run along the
// texels: dispatch ceil(texels / LANES) x sentences workgroups, which visit the sentences in steps
// of params.step.

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let k = group.x * LANES + lane;
  let sentence = group.y * params.step % params.sentences;
  if (k >= params.texels) {
    return;
  }
  let begin = sentences[sentence].x;
  let end = sentences[sentence].y;
  var sum = vec4f(0.0);
  let first = load_x(begin, k);
  var highest = first;
  if (MAX + MEAN > 0u) {
    for (var row = begin; row < end; row++) {
      let value = load_x(row, k);
      sum += value;
      highest = max(highest, value);
    }
  }
  let step = params.sentences * params.texels;
  var at = sentence * params.texels + k;
  if (FIRST == 1u) {
    out[at] = first;
    at += step;
  }
  if (LAST == 1u) {
    out[at] = load_x(end - 1u, k);
    at += step;
  }
  if (MAX == 1u) {
    // max() passes over NaN, which the sum keeps: no broken state may look like a sound one.
    out[at] = select(highest, sum, is_nonfinite(sum));
    at += step;
  }
  if (MEAN == 1u) {
    out[at] = sum / f32(end - begin);
  }
}
