import { SpindleError } from "../util.ts";
import type { Head } from "./integrate.ts";
import type { StateProbes } from "./probes.ts";
import { countNeurons } from "./select.ts";

/**
 * The head with the best validation score. Of equals fewer layers win, then fewer neurons, then the
 * smaller C, then the first in order: {@linkcode integrate} orders heads by site, pool and eta.
 *
 * @throws {SpindleError} If there is none.
 */
export function chooseHead(heads: readonly Head[]): Head {
  requireSome(heads, "heads");
  return [...heads].sort((a, b) =>
    b.validation - a.validation || a.layers - b.layers || countNeurons(a) - countNeurons(b) ||
    a.C - b.C
  )[0]!;
}

/**
 * The pooled state whose best probe scores best in validation; of equals the first in order, which
 * {@linkcode fitProbes} makes stack by stack, site by site, layer by layer and pool by pool.
 *
 * @throws {SpindleError} If there is none.
 */
export function chooseProbe(probes: readonly StateProbes[]): StateProbes {
  requireSome(probes, "probes");
  return probes.reduce((best, each) => each.best.validation > best.best.validation ? each : best);
}

/**
 * The baseline: the best probe on the last hidden state, which is what text classification
 * usually reads. Without hidden states it is the last layer of the last site in order. Of pools
 * that score equally in validation the first in order wins.
 *
 * @throws {SpindleError} If there is none.
 */
export function chooseBaseline(probes: readonly StateProbes[]): StateProbes {
  requireSome(probes, "probes");
  const hidden = probes.filter(({ state }) => state.site === "hidden");
  const { state: last } = (hidden.length ? hidden : probes).reduce((last, each) =>
    (each.state.stack - last.state.stack || each.state.layer - last.state.layer) >= 0 ? each : last
  );
  return chooseProbe(probes.filter(({ state }) => state.name === last.name));
}

function requireSome(list: readonly unknown[], what: string): void {
  if (list.length === 0) throw new SpindleError(`Cannot choose among no ${what}: fit some first`);
}
