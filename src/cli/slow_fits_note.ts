import type { StopReason } from "../probe/fit.ts";
import type { Experiment } from "../spin/experiment.ts";
import type { Iterate, Regression } from "../spin/regressions.ts";
import { note } from "./terminal.ts";

/** How it is told why fits stopped before their optimum, in this order. */
const reasons: Readonly<Record<Exclude<StopReason, "converged">, string>> = {
  validation: "as their validation score had stopped rising (--iterate converged goes on)",
  steps: "at the limit of steps",
  precision: "as no step led further in float32",
};

/** Says how many fits stopped before their optimum and why, where some did. */
export function noteSlowFits({ probes, heads, results }: Experiment): void {
  const fits = [...probes.flatMap(({ probes }) => probes), ...heads];
  const slow = describeSlowFits(fits, results.solver.iterate);
  if (slow !== undefined) note(slow);
}

/** What there is to say of fits that stopped before their optimum; undefined where none did. */
export function describeSlowFits(
  fits: readonly Pick<Regression, "stop" | "gap">[],
  iterate: Iterate,
): string | undefined {
  const slow = fits.filter(({ stop }) => stop !== "converged");
  if (slow.length === 0) return undefined;
  const counts = Object.entries(reasons).flatMap(([reason, words]) => {
    const count = slow.filter(({ stop }) => stop === reason).length;
    return count > 0 ? [`${count} ${words}`] : [];
  });
  const unsolved = slow.filter(({ stop }) => stop !== "validation");
  const worst = unsolved.reduce((most, { gap }) => Math.max(most, gap), 0).toExponential(1);
  const other = iterate === "converged" ? ", or pass --iterate best, which needs no optimum" : "";
  const advice = unsolved.length > 0
    ? `; gaps of up to ${worst} were left: look at them in probes.tsv and heads.tsv${other}`
    : "";
  return `${slow.length} of ${fits.length} regressions stopped before their optimum: ` +
    counts.join(", ") + advice;
}
