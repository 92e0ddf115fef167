import assert from "node:assert/strict";
import { editDistance, nearest } from "../../src/cli/suggest.ts";

Deno.test("editDistance() counts insertions, removals and replacements", () => {
  assert.equal(editDistance("kitten", "sitting"), 3);
  assert.equal(editDistance("", "abc"), 3);
  assert.equal(editDistance("same", "same"), 0);
  assert.equal(editDistance("ab", "ba"), 2);
});

Deno.test("nearest() finds the nearest word, and none where all are far", () => {
  const words = ["run", "classify", "verify", "doctor"];
  assert.equal(nearest("verfy", words), "verify");
  assert.equal(nearest("clasify", words), "classify");
  assert.equal(nearest("rnu", words), "run");
  assert.equal(nearest("zzzzz", words), undefined);
  assert.equal(nearest("", words), undefined);
});
