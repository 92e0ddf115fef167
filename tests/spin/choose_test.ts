import assert from "node:assert/strict";
import type { Site } from "../../src/model/states.ts";
import { chooseBaseline, chooseHead, chooseProbe } from "../../src/spin/choose.ts";
import type { Head } from "../../src/spin/integrate.ts";
import type { StateProbes } from "../../src/spin/probes.ts";
import { key } from "../features/support.ts";

const scores = (validation: number, test: number, C: number) => ({
  C,
  coef: new Float32Array(),
  intercept: new Float32Array(),
  validation,
  test,
  nonzeros: 0,
  gap: 0,
  nIter: 0,
  stop: "converged" as const,
});

function head(
  { validation = 0.8, test = 0.5, layers = 2, neurons = 5, C = 1 }: Partial<
    Record<"validation" | "test" | "layers" | "neurons" | "C", number>
  > = {},
): Head {
  const state = { name: "hidden.0", stack: 0, site: "hidden", layer: 0, width: 9 } as const;
  const shape = { site: "hidden", pool: "mean", eta: 0.1, layers } as const;
  const selected = [{ state, indices: new Uint32Array(neurons) }];
  return { ...scores(validation, test, C), ...shape, neurons: selected, key };
}

function probes(site: Site, layer: number, validation: number, test = 0.5): StateProbes {
  const state = { name: `${site}.${layer}`, stack: 0, site, layer, width: 9 };
  const best = scores(validation, test, 1);
  return { state, pool: "mean", probes: [best], best };
}

Deno.test("chooseHead() goes by validation, then layers, neurons, C and order, not the test", () => {
  const best = head();
  const others = [
    head({ validation: 0.7, test: 0.9, layers: 1, neurons: 1, C: 0.1 }),
    head({ layers: 3, neurons: 1, C: 0.1, test: 0.9 }),
    head({ neurons: 6, C: 0.1, test: 0.9 }),
    head({ C: 10, test: 0.9 }),
  ];
  for (const other of others) {
    assert.equal(chooseHead([other, best]), best);
    assert.equal(chooseHead([best, other]), best);
  }
  assert.equal(chooseHead([...others, best]), best);
  const equal = head({ test: 0.9 });
  assert.equal(chooseHead([best, equal]), best);
  assert.equal(chooseHead([equal, best]), equal);
});

Deno.test("chooseProbe() takes the best in validation, of equals the first", () => {
  const [worse, best, equal] = [
    probes("hidden", 0, 0.7, 0.9),
    probes("hidden", 1, 0.8),
    probes("hidden", 2, 0.8, 0.9),
  ];
  assert.equal(chooseProbe([worse!, best!, equal!]), best);
});

Deno.test("chooseBaseline() takes the best probe on the last hidden state", () => {
  const last = probes("hidden", 2, 0.6);
  const all = [
    probes("hidden", 0, 0.9),
    probes("hidden", 2, 0.5, 0.9),
    last,
    probes("activation", 3, 0.9),
  ];
  assert.equal(chooseBaseline(all), last);
  assert.equal(chooseBaseline([...all, probes("hidden", 2, 0.6, 0.9)]), last);
  assert.equal(chooseBaseline(all.toReversed()), last, "in any order");
  const [first, second] = [probes("neuron", 0, 0.9), probes("neuron", 1, 0.8)];
  assert.equal(chooseBaseline([first!, second!]), second);
});

Deno.test("nothing can be chosen where nothing was fitted", () => {
  assert.throws(() => chooseHead([]), /^SpindleError: Cannot choose among no heads/);
  assert.throws(() => chooseProbe([]), /^SpindleError: Cannot choose among no probes/);
  assert.throws(() => chooseBaseline([]), /^SpindleError: Cannot choose among no probes/);
});
