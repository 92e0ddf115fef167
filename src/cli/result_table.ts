import type { ProbeResult, Results, Scores } from "../spin/results.ts";
import { formatSeconds } from "./progress.ts";
import { escapeControls } from "./terminal.ts";

/** The results of a run as people read them. */
export function resultTable(
  results: Results & {
    readonly seconds: Readonly<Record<string, number>>;
    readonly classifier: string;
  },
): string {
  const { dataset, model, majority, baseline, bestLayer, spin, solver, seconds } = results;
  const row = (name: string, { validation, test }: Scores, what: string) =>
    `${name.padEnd(12)}${percent(validation)}  ${percent(test)}   ${what}`;
  const layers = spin.layers === 1 ? "the first layer" : `the first ${spin.layers} layers`;
  const stages = Object.entries(seconds).map(([stage, s]) => `${stage} ${formatSeconds(s)}`);
  return [
    `${
      escapeControls(dataset.name)
    } (${dataset.train} / ${dataset.validation} / ${dataset.test} texts, ` +
    `${dataset.classes.length} classes), ${
      escapeControls(model.name)
    }, ${dataset.metric} in percent`,
    "",
    `${" ".repeat(12)}validation  test`,
    row("majority", majority, "the most common class"),
    row("baseline", baseline, probe(baseline)),
    row("best layer", bestLayer, probe(bestLayer)),
    row(
      "SPIN",
      spin,
      `${spin.neurons} of ${results.neuronsOfSite} neurons: ${spin.site} ${spin.pool}, ` +
        `${layers}, eta ${spin.eta}, C ${spin.C}`,
    ),
    "",
    `${solver.probes} probes and ${solver.heads} heads, ${solver.converged} converged, ` +
    `largest duality gap ${solver.worstGap.toExponential(1)}`,
    `seconds: ${stages.join(", ")}`,
    `classifier: ${escapeControls(results.classifier)}`,
  ].join("\n");
}

function percent(score: number): string {
  return (100 * score).toFixed(2).padStart(10);
}

function probe({ state, pool, C }: ProbeResult): string {
  return `${state} ${pool}, C ${C}`;
}
