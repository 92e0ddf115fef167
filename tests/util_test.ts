import assert from "node:assert/strict";
import { messageOf } from "../src/util.ts";

Deno.test("messageOf() gives the message of whatever was thrown in one line", () => {
  assert.equal(messageOf(new Error("\nfirst\r\n  second\u2028third\n")), "first second third");
  assert.equal(messageOf("a  path\tand\n\n its end"), "a  path\tand its end");
  assert.equal(messageOf(undefined), "undefined");
});
