import type { StateProbes } from "./probes.ts";
import type { Head } from "./integrate.ts";

/** How many neurons a head reads. */
export function headNeurons(head: Head): number {
  return head.neurons.reduce((sum, { indices }) => sum + indices.length, 0);
}

/**
 * The head with the best validation score; of equals fewer layers, fewer neurons, smaller C win.
 */
export function chooseHead(heads: readonly Head[]): Head {
  return [...heads].sort((a, b) =>
    b.validation - a.validation || a.layers - b.layers || headNeurons(a) - headNeurons(b) ||
    a.C - b.C
  )[0]!;
}

/** The state whose best probe scores best in validation; of equals the first in order. */
export function chooseProbe(probes: readonly StateProbes[]): StateProbes {
  return probes.reduce((best, each) => each.best.validation > best.best.validation ? each : best);
}

/**
 * The baseline: the best probe on the last hidden state, which is what text classification
 * usually reads. Without hidden states it is the last state there is.
 */
export function chooseBaseline(probes: readonly StateProbes[]): StateProbes {
  const hidden = probes.filter(({ state }) => state.site === "hidden");
  const last = (hidden.length ? hidden : probes).at(-1)!.state.name;
  return chooseProbe(probes.filter(({ state }) => state.name === last));
}
