import { add, dot, sumOfSquares } from "./vectors.ts";

/** Steps that are remembered. */
const memoryLength = 10;

/** A Hessian: a diagonal, and vectors whose products with themselves are added or taken away. */
export interface Hessian {
  readonly diagonal: Float64Array;
  readonly added: readonly Float64Array[];
  readonly taken: readonly Float64Array[];
}

/** What is known of the Hessian of a function from gradients, by the limited-memory BFGS method. */
export class QuasiNewton {
  readonly #pairs: { step: Float64Array; change: Float64Array }[] = [];
  #last: { point: Float64Array; gradient: Float64Array } | undefined;

  /** @param diagonal An estimate of the Hessian's diagonal, above zero. */
  constructor(readonly diagonal: Float64Array) {}

  /** Learns from the gradient at a point; both are kept. */
  learn(point: Float64Array, gradient: Float64Array): void {
    const last = this.#last;
    this.#last = { point, gradient };
    if (!last) return;
    const step = point.map((value, i) => value - last.point[i]!);
    const change = gradient.map((value, i) => value - last.gradient[i]!);
    // Curvature above the sum of the diagonal's is rounding.
    const most = sumOfSquares(change, this.diagonal.map((value) => 1 / value));
    if (!(dot(step, change) * point.length > most)) return;
    this.#pairs.push({ step, change });
    if (this.#pairs.length > memoryLength) this.#pairs.shift();
  }

  /** The Hessian that agrees with every step that is remembered. */
  hessian(): Hessian {
    const scale = this.#scale();
    const diagonal = this.diagonal.map((value) => value * scale);
    const [added, taken]: [Float64Array[], Float64Array[]] = [[], []];
    for (const { step, change } of this.#pairs) {
      const product = diagonal.map((value, i) => value * step[i]!);
      for (const vector of added) add(product, vector, dot(vector, step));
      for (const vector of taken) add(product, vector, -dot(vector, step));
      const [before, after] = [dot(step, product), dot(step, change)];
      // Rounding may take away what little curvature earlier steps have left.
      if (before <= 0) continue;
      taken.push(product.map((value) => value / Math.sqrt(before)));
      added.push(change.map((value) => value / Math.sqrt(after)));
    }
    return { diagonal, added, taken };
  }

  /** The curvature along the last step, as a share of what the diagonal says. */
  #scale(): number {
    const last = this.#pairs.at(-1);
    if (!last) return 1;
    const { step, change } = last;
    return dot(step, change) / sumOfSquares(step, this.diagonal);
  }
}
