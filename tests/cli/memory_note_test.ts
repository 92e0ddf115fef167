import assert from "node:assert/strict";
import { requireMemory } from "../../src/cli/memory_note.ts";
import { SpindleError } from "../../src/util.ts";

const needed = { weights: 600e6, states: 30e6, captured: 20e6, tables: 100e6 };

Deno.test("requireMemory() refuses a model that takes more than the host has free", () => {
  assert.throws(() => requireMemory("m", needed, true, 700e6), (error) => {
    assert.ok(error instanceof SpindleError);
    assert.match(error.message, /"m" as it takes 750 MB .* and 700 MB are free/);
    return true;
  });
  requireMemory("m", needed, true, 750e6);
});

Deno.test("requireMemory() counts only the tables where the device has memory of its own", () => {
  requireMemory("m", needed, false, 100e6);
  assert.throws(() => requireMemory("m", needed, false, 99e6), SpindleError);
  requireMemory("m", needed, true, undefined);
});
