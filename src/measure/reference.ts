/** What the kernels should compute, in float64 on the processor and in the plainest way. */

/** `x w^T` of `x [rows, inputs]` and `w [outputs, inputs]`. */
export function referenceMatmul(
  x: ArrayLike<number>,
  w: ArrayLike<number>,
  rows: number,
  outputs: number,
  inputs: number,
): Float64Array {
  const y = new Float64Array(rows * outputs);
  for (let row = 0; row < rows; row++) {
    for (let output = 0; output < outputs; output++) {
      let sum = 0;
      for (let i = 0; i < inputs; i++) sum += x[row * inputs + i]! * w[output * inputs + i]!;
      y[row * outputs + output] = sum;
    }
  }
  return y;
}

/**
 * Bidirectional attention of one sentence: `softmax(q k^T / sqrt(headWidth)) v`, head by head.
 *
 * @param qkv Queries, keys and values side by side, `[tokens, 3 * heads * headWidth]`.
 * @param queries The tokens whose outputs are wanted.
 * @returns `[queries, heads * headWidth]`.
 */
export function referenceAttention(
  qkv: ArrayLike<number>,
  tokens: number,
  heads: number,
  headWidth: number,
  queries: readonly number[],
): Float64Array {
  const width = heads * headWidth;
  const at = (token: number, part: number, col: number) => qkv[(token * 3 + part) * width + col]!;
  const out = new Float64Array(queries.length * width);
  const scores = new Float64Array(tokens);
  queries.forEach((query, q) => {
    for (let head = 0; head < width; head += headWidth) {
      let highest = -Infinity;
      for (let key = 0; key < tokens; key++) {
        let sum = 0;
        for (let d = head; d < head + headWidth; d++) sum += at(query, 0, d) * at(key, 1, d);
        scores[key] = sum / Math.sqrt(headWidth);
        highest = Math.max(highest, scores[key]!);
      }
      let total = 0;
      for (let key = 0; key < tokens; key++) {
        scores[key] = Math.exp(scores[key]! - highest);
        total += scores[key]!;
      }
      for (let key = 0; key < tokens; key++) {
        const share = scores[key]! / total;
        for (let d = head; d < head + headWidth; d++) out[q * width + d]! += share * at(key, 2, d);
      }
    }
  });
  return out;
}

/** Layer norm of each row of `x [rows, width]`. */
export function referenceLayerNorm(
  x: ArrayLike<number>,
  gain: ArrayLike<number>,
  bias: ArrayLike<number>,
  epsilon: number,
): Float64Array {
  const width = gain.length;
  const y = new Float64Array(x.length);
  for (let from = 0; from < x.length; from += width) {
    let mean = 0;
    for (let i = 0; i < width; i++) mean += x[from + i]! / width;
    let variance = 0;
    for (let i = 0; i < width; i++) variance += (x[from + i]! - mean) ** 2 / width;
    const scale = 1 / Math.sqrt(variance + epsilon);
    for (let i = 0; i < width; i++) {
      y[from + i] = (x[from + i]! - mean) * scale * gain[i]! + bias[i]!;
    }
  }
  return y;
}

/**
 * The first row, the maximum and the mean of each sentence of `x [tokens, width]`.
 *
 * @param ends The row after the last of each sentence.
 * @returns `[3, sentences, width]`.
 */
export function referencePools(
  x: ArrayLike<number>,
  width: number,
  ends: readonly number[],
): Float64Array {
  const size = ends.length * width;
  const out = new Float64Array(3 * size);
  ends.forEach((end, sentence) => {
    const begin = ends[sentence - 1] ?? 0;
    for (let i = 0; i < width; i++) {
      let highest = -Infinity;
      let sum = 0;
      for (let row = begin; row < end; row++) {
        highest = Math.max(highest, x[row * width + i]!);
        sum += x[row * width + i]!;
      }
      const at = sentence * width + i;
      out[at] = x[begin * width + i]!;
      out[size + at] = highest;
      out[2 * size + at] = sum / (end - begin);
    }
  });
  return out;
}

/**
 * The gradient of the logistic loss, summed over the rows: `(sigmoid(x v^T) - y)^T x`.
 *
 * @param x `[rows, cols]`.
 * @param v `[fits, cols]`.
 * @param isPositive `[rows]`: whether y is 1, for every fit alike.
 * @returns `[fits, cols]`.
 */
export function referenceLogisticGradient(
  x: Float32Array,
  v: Float32Array,
  isPositive: ArrayLike<number>,
  rows: number,
  fits: number,
  cols: number,
): Float64Array {
  const margins = referenceMatmul(x, v, rows, fits, cols);
  const gradient = new Float64Array(fits * cols);
  for (let row = 0; row < rows; row++) {
    for (let fit = 0; fit < fits; fit++) {
      const residual = 1 / (1 + Math.exp(-margins[row * fits + fit]!)) - isPositive[row]!;
      for (let c = 0; c < cols; c++) gradient[fit * cols + c]! += residual * x[row * cols + c]!;
    }
  }
  return gradient;
}
