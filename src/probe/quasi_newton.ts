/** Steps that are remembered. */
const memoryLength = 10;

/** Directions of the limited-memory BFGS method, from gradients and the steps between them. */
export class QuasiNewton {
  readonly #pairs: { step: Float64Array; change: Float64Array; product: number }[] = [];
  #last: { point: Float64Array; gradient: Float64Array } | undefined;

  /** @param diagonal An estimate of the diagonal of the inverse Hessian. */
  constructor(readonly diagonal: Float64Array) {}

  /** The direction from a point; both arguments are kept. */
  direction(point: Float64Array, gradient: Float64Array): Float64Array {
    if (this.#last) this.#remember(point, gradient);
    this.#last = { point, gradient };
    const direction = gradient.map((value) => -value);
    const shares: number[] = [];
    for (const { step, change, product } of this.#pairs.toReversed()) {
      const share = dot(step, direction) / product;
      shares.push(share);
      add(direction, change, -share);
    }
    direction.forEach((value, i) => direction[i] = value * this.diagonal[i]!);
    for (const { step, change, product } of this.#pairs) {
      add(direction, step, shares.pop()! - dot(change, direction) / product);
    }
    return direction;
  }

  #remember(point: Float64Array, gradient: Float64Array): void {
    const step = point.map((value, i) => value - this.#last!.point[i]!);
    const change = gradient.map((value, i) => value - this.#last!.gradient[i]!);
    const product = dot(step, change);
    // Rounding may take away the curvature of a tiny step.
    if (product <= 0) return;
    this.#pairs.push({ step, change, product });
    if (this.#pairs.length > memoryLength) this.#pairs.shift();
  }
}

/** The sum of products. */
export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** Adds a multiple of `other` to `sum`. */
export function add(sum: Float64Array, other: Float64Array, share: number): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += share * other[i]!;
}
