// Infinities, and what is not a number. A compiler may take it that there are none, and so decide
// every comparison that only they fail (WGSL 15.7.2, and GPUs' fast math does); bits it keeps.
fn is_nonfinite(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) >= vec4u(0x7f800000u);
}
