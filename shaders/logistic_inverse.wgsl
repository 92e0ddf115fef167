// Inverts the symmetric matrices of many sets of columns at once, by Gauss-Jordan steps of BLOCK
// pivots. Each step keeps the matrices symmetric, but for the sign where only one of row and column
// is eliminated: only the blocks on and above the diagonal are kept.
//
// from, to: the matrices, one below the other [rows, widest set]; each step reads one and writes the
// other. blocks: for each block of rows its set and its place in it; sets: for each set its first
// row and how many blocks it has. A set of n blocks begins n steps before the last, so that all end
// together; sets stand in falling order of size, so that the ones at work come first.
// left: the columns of the pivot block [rows, BLOCK]; strip: its rows [BLOCK sets, widest set];
// pivots: the inverted pivot block of each set [BLOCK sets, BLOCK]; panel: pivots times strip.

fn pivot_block(subset: vec2u) -> u32 {
  return params.step + subset.y - params.steps;
}
