// Inverts the matrices of many sets of columns at once, by Gauss-Jordan steps of BLOCK pivots.
//
// from, to: the matrices, one below the other [rows, widest set]; each step reads one and writes the
// other. blocks: for each block of rows its set and its place in it; sets: for each set its first
// row and how many blocks it has. A set of n blocks begins n steps before the last, so that all end
// together; sets stand in falling order of size, so that the ones at work come first.
// pivots: the inverted pivot block of each set [BLOCK sets, BLOCK]; panel: pivots times the rows of
// the pivot block.

fn pivot_block(subset: vec2u) -> u32 {
  return params.step + subset.y - params.steps;
}
