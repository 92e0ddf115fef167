import assert from "node:assert/strict";
import { beginningOf, messageOf, shellWord } from "../src/util.ts";

Deno.test("messageOf() gives the message of whatever was thrown in one line", () => {
  assert.equal(messageOf(new Error("\nfirst\r\n  second\u2028third\n")), "first second third");
  assert.equal(messageOf("a  path\tand\n\n its end"), "a  path\tand its end");
  assert.equal(messageOf(undefined), "undefined");
});

Deno.test("beginningOf() cuts a long text between two letters", () => {
  assert.equal(beginningOf("😀b😀", 3), "😀b😀");
  assert.equal(beginningOf("😀b😀d", 3), "😀b😀…");
  assert.equal(beginningOf("x".repeat(41)), `${"x".repeat(40)}…`);
  assert.equal(beginningOf(""), "");
});

Deno.test("shellWord() gives what a shell reads as the same word", {
  ignore: Deno.build.os === "windows",
}, () => {
  for (
    const word of ["/tmp/features", "my features", "it's", "$HOME", "a;b", '"', "a*", "~", "\\"]
  ) {
    const { stdout } = new Deno.Command("sh", { args: ["-c", `printf %s ${shellWord(word)}`] })
      .outputSync();
    assert.equal(new TextDecoder().decode(stdout), word);
  }
  assert.equal(shellWord("/tmp/features-1_a.b"), "/tmp/features-1_a.b");
});
