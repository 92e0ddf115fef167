import assert from "node:assert/strict";
import { describeSlowFits } from "../../src/cli/slow_fits_note.ts";
import type { StopReason } from "../../src/probe/fit.ts";

const fits = (...stops: StopReason[]) => stops.map((stop, i) => ({ stop, gap: (i + 1) / 1000 }));

Deno.test("describeSlowFits() counts why fits stopped, each reason on its own", () => {
  const stops: StopReason[] = ["steps", "validation", "converged", "precision", "validation"];
  assert.equal(
    describeSlowFits(fits(...stops), "best"),
    "4 of 5 regressions stopped before their optimum: 2 as their validation score had stopped " +
      "rising (--iterate converged goes on), 1 at the limit of steps, 1 as no step led further " +
      "in float32; gaps of up to 4.0e-3 were left: look at them in probes.tsv and heads.tsv",
  );
});

Deno.test("describeSlowFits() advises what helps, and says nothing where all is well", () => {
  assert.equal(describeSlowFits(fits("converged", "converged"), "best"), undefined);
  assert.equal(
    describeSlowFits(fits("converged", "validation"), "best"),
    "1 of 2 regressions stopped before their optimum: 1 as their validation score had stopped " +
      "rising (--iterate converged goes on)",
  );
  assert.equal(
    describeSlowFits(fits("converged", "steps"), "converged"),
    "1 of 2 regressions stopped before their optimum: 1 at the limit of steps; gaps of up to " +
      "2.0e-3 were left: look at them in probes.tsv and heads.tsv, or pass --iterate best, which " +
      "needs no optimum",
  );
});
