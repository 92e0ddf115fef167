import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10";
import { parseStrictJson, readJsonObject } from "../../src/formats/json.ts";
import { withFolder } from "./support.ts";

Deno.test("parseStrictJson() gives what JSON.parse() gives where no key is repeated", () =>
  fc.assert(fc.property(fc.json({ stringUnit: "binary" }), fc.nat(4), (json, indent) => {
    const text = JSON.stringify(JSON.parse(json), null, indent);
    assert.deepEqual(parseStrictJson(text), JSON.parse(text));
  })));

Deno.test("parseStrictJson() rejects a key that one object repeats, at any depth", () => {
  for (
    const text of [
      '{"a":1,"a":2}',
      '[{"x":{"a":[{"b":1}],"c":"","a" \n: 2}}]',
      '{"a":1,"a"\t:2}',
      '{"a":1,"a"\r\n:2}',
      '{"\\"":1,"\\u0022":2}',
      '{"__proto__":1,"__proto__":2}',
      '{"":1,"":2}',
    ]
  ) {
    assert.throws(() => parseStrictJson(text), /is repeated/, text);
  }
});

Deno.test("parseStrictJson() accepts equal keys of different objects, and keys as values", () => {
  for (const text of ['{"a":{"a":[{"a":"a"},{"a":"a"}]},"b":"a"}', '["a","a",{"a":"\\\\"}]']) {
    assert.deepEqual(parseStrictJson(text), JSON.parse(text));
  }
});

Deno.test("readJsonObject() names the file and the fault in one line", () =>
  withFolder((folder) => {
    const path = `${folder}/a.json`;
    for (
      const [content, message] of [
        ['{\n  "a": 1,\n  b\n}\n', /a\.json" as it is not valid JSON/],
        ["[]", /a\.json" as it is not a JSON object/],
        ["", /a\.json" as it is not valid JSON/],
      ] as const
    ) {
      Deno.writeTextFileSync(path, content);
      assert.throws(() => readJsonObject(path), (error: Error) => {
        assert.match(error.message, message);
        assert(!error.message.includes("\n"), error.message);
        return true;
      });
    }
    Deno.writeFileSync(path, new Uint8Array([0xff]));
    assert.throws(() => readJsonObject(path), /not valid UTF-8/);
  }));
