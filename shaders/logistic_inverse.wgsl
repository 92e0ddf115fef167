// Inverts the symmetric matrices of many sets of columns at once, by Gauss-Jordan steps of PIVOTS
// pivots. Each step keeps the matrices symmetric, but for the sign where only one of row and column
// is eliminated: of the squares of PIVOTS rows and columns only those on and above the diagonal are
// kept. A workgroup makes a block of BLOCK rows and columns.
//
// from, to: the matrices, one below the other [rows, widest set]; each step reads one and writes
// the other. sets: for each set its first row and how many steps it takes. A set of n steps begins
// n steps before the last, so that all end together; sets stand in falling order of size, so that
// the ones at work come first. blocks: for each block of rows its set and its place in it; kept:
// for each block that is kept its set, its place down and its place across.
// left: the columns of the pivots [rows, PIVOTS]; strip: their rows [PIVOTS sets, widest set];
// inverted: the inverted square of the pivots of each set [PIVOTS sets, PIVOTS]; panel: inverted
// times strip.

fn pivot_step(subset: vec2u) -> u32 {
  return params.step + subset.y - params.steps;
}
