import assert from "node:assert/strict";
import { join } from "node:path";
import { activationOf, type Config, readConfig, requireBoolean } from "../../src/model/config.ts";
import { withFolder } from "../folder.ts";

/** Runs `body` with a config.json of this text. */
const withConfig = (text: string, body: (config: Config) => void) =>
  withFolder((folder) => {
    const path = join(folder, "config.json");
    Deno.writeTextFileSync(path, text);
    body(readConfig(path));
  });

Deno.test("a count is a whole number from 1, and a number is finite", () =>
  withConfig('{"zero":0,"less":-1,"half":0.5,"large":1e9,"endless":1e999,"one":1}', (config) => {
    assert.equal(config.count("one"), 1);
    assert.equal(config.number("half"), 0.5);
    for (const name of ["zero", "less", "half", "large", "endless"]) {
      assert.throws(() => config.count(name), /a whole number from 1 to 16777216/, name);
    }
    assert.throws(() => config.number("endless"), /it must be a finite number/);
  }));

Deno.test("a setting that every object inherits is none", () =>
  withConfig("{}", (config) => {
    for (const name of ["constructor", "toString", "__proto__"]) {
      assert.equal(config.has(name), false);
      assert.equal(config.string(name, "none"), "none");
      assert.throws(() => activationOf(config, name), /its activation ".*" is not supported/);
    }
  }));

Deno.test("requireBoolean() refuses what is not as it must be", () =>
  withConfig('{"on":true,"off":false}', (config) => {
    for (const [on, off, wanted] of [["on", "off", false], ["off", "on", true]] as const) {
      requireBoolean(config, off, wanted);
      requireBoolean(config, "absent", wanted);
      const message = new RegExp(`its ${on} is ${!wanted}: only ${wanted} is supported`);
      assert.throws(() => requireBoolean(config, on, wanted), message);
    }
  }));

Deno.test("activationOf() knows the reference library's names", () =>
  withConfig("{}", (config) => {
    const names = {
      gelu: ["gelu", "gelu_python"],
      gelu_tanh: [
        "gelu_new",
        "gelu_fast",
        "gelu_accurate",
        "gelu_python_tanh",
        "gelu_pytorch_tanh",
      ],
      relu: ["relu"],
      silu: ["silu", "swish"],
    };
    for (const [activation, each] of Object.entries(names)) {
      for (const name of each) assert.equal(activationOf(config, name), activation);
    }
  }));
