import { requireList, SpindleError } from "../util.ts";

/** The shares of the total saliency that selections reach unless others are chosen. */
export const defaultEtas = [0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8] as const;

/**
 * Copies the different shares of the total saliency, in their order.
 *
 * @throws {SpindleError} If there are none, or one is outside (0, 1].
 */
export function copyEtas(etas: readonly number[]): number[] {
  requireList("the etas", etas);
  if (etas.length === 0) {
    throw new SpindleError("Cannot select neurons without an eta: give one at least");
  }
  for (const eta of etas) requireEta(eta);
  return [...new Set(etas)];
}

function requireEta(eta: number): void {
  if (typeof eta === "number" && eta > 0 && eta <= 1) return;
  throw new SpindleError(`Cannot select neurons by an eta of ${eta}: a share in (0, 1] is needed`);
}

/**
 * The saliency of each neuron: its squared weight, summed over the regressions.
 *
 * @param coef `[K, width]`; K is 1 for two classes.
 */
export function saliency(coef: Float32Array, width: number): Float64Array {
  const sums = new Float64Array(width);
  coef.forEach((weight, i) => sums[i % width]! += weight * weight);
  return sums;
}

/** How many neurons are selected in all layers. */
export function countNeurons(
  { neurons }: { readonly neurons: readonly { readonly indices: Uint32Array }[] },
): number {
  return neurons.reduce((sum, { indices }) => sum + indices.length, 0);
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
 * @param coef A probe's weights `[K, width]`; K is 1 for two classes, else a regression a class.
 * @param width How many neurons there are.
 * @param eta The share of the total saliency, in (0, 1].
 * @returns Neuron indices in the order of falling saliency, at least one.
 * @throws {SpindleError} If the weights are not whole rows of finite numbers, or eta is outside its
 * range.
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
  const isWhole = Number.isInteger(width) && width > 0 && coef.length > 0 &&
    coef.length % width === 0;
  if (!isWhole || !coef.every(Number.isFinite)) {
    throw new SpindleError(
      `Cannot select among ${width} neurons by ${coef.length} weights: ` +
        "a finite weight is needed for each neuron and regression",
    );
  }
  const saliencies = saliency(coef, width);
  const order = rankNeurons(saliencies);
  return order.slice(0, countFor(saliencies, order, eta));
}

/**
 * How many of the ranked neurons reach a share of the total saliency.
 *
 * @throws {SpindleError} If the share is outside (0, 1].
 */
export function countFor(saliencies: Float64Array, order: Uint32Array, eta: number): number {
  requireEta(eta);
  const total = order.reduce((sum, neuron) => sum + saliencies[neuron]!, 0);
  // What is just the share on paper may be a little less as a sum.
  const enough = (1 - order.length * Number.EPSILON) * eta * total;
  let sum = 0;
  for (let count = 0; count < order.length; count++) {
    sum += saliencies[order[count]!]!;
    if (sum >= enough) return count + 1;
  }
  return order.length;
}
