/** The shares of the total saliency that selections reach (the paper's values). */
export const etas = [0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8] as const;

/**
 * The saliency of each neuron: its squared weight, summed over the classes (SPIN, section 3.2).
 *
 * @param coef `[classes, width]`.
 */
export function saliency(coef: Float32Array, width: number): Float64Array {
  const sums = new Float64Array(width);
  coef.forEach((weight, i) => sums[i % width]! += weight * weight);
  return sums;
}

/** Neurons in the order of falling saliency (of equals the lower index first). */
export function rankNeurons(saliencies: Float64Array): Uint32Array {
  return Uint32Array.from(saliencies.keys()).sort((a, b) =>
    saliencies[b]! - saliencies[a]! || a - b
  );
}

/**
 * Selects the shortest run of the most salient neurons that holds a share of the total saliency.
 *
 * @param coef A probe's weights `[classes, width]`.
 * @param width How many neurons there are.
 * @param eta The share of the total saliency, in (0, 1].
 * @returns Neuron indices in the order of falling saliency, at least one.
 *
 * @example
 * ```ts
 * import { selectNeurons } from "spindle";
 *
 * const neurons = selectNeurons(new Float32Array([0, 3, -4, 1]), 4, 0.9);
 * console.log(neurons); // Uint32Array [2, 1]
 * ```
 */
export function selectNeurons(coef: Float32Array, width: number, eta: number): Uint32Array {
  const saliencies = saliency(coef, width);
  const order = rankNeurons(saliencies);
  return order.slice(0, countFor(saliencies, order, eta));
}

/** How many of the ranked neurons reach a share of the total saliency. */
export function countFor(saliencies: Float64Array, order: Uint32Array, eta: number): number {
  const total = saliencies.reduce((sum, s) => sum + s, 0);
  let sum = 0;
  for (let count = 0; count < order.length; count++) {
    sum += saliencies[order[count]!]!;
    if (sum >= eta * total) return count + 1;
  }
  return order.length;
}
