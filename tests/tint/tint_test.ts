import assert from "node:assert/strict";
import { bundlePage, findChromium, runPage } from "./chromium.ts";

const chromium = findChromium();
const name = "every kernel passes its tests in Chromium, where Tint compiles it";

Deno.test({
  name: chromium ? name : `${name} (skipped: no Chromium in PATH or named by CHROMIUM)`,
  ignore: !chromium,
  async fn(t) {
    const { outcomes, summary } = await runPage(chromium!, await bundlePage());
    assert.ok(summary.adapter, "Chromium finds no WebGPU adapter");
    for (const { name, error, skipped } of outcomes) {
      await t.step({
        name: skipped === undefined ? name : `${name} (compiles only: ${skipped})`,
        ignore: skipped !== undefined,
        fn: () => assert.equal(error, undefined),
      });
    }
    const ran = outcomes.filter(({ skipped }) => skipped === undefined).length;
    assert.ok(ran > 40 && summary.shaders > 100, `only ${ran} tests, ${summary.shaders} shaders`);
    console.log(`${summary.shaders} shaders compiled by Tint, on ${summary.adapter}`);
  },
});
