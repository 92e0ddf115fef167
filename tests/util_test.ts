import assert from "node:assert/strict";
import { beginningOf, messageOf, requireList, requireTexts, shellWord } from "../src/util.ts";

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

Deno.test("requireList() takes arrays and typed arrays, and names what is neither", () => {
  for (const list of [[], ["a"], Float32Array.of(1), new Int32Array()]) requireList("the a", list);
  const others = [["a b", '"a b"'], [1, "1"], [undefined, "undefined"], [
    new DataView(
      new ArrayBuffer(4),
    ),
    "[object DataView]",
  ]] as const;
  for (const [value, shown] of others) {
    assert.throws(() => requireList("the sites", value), {
      name: "SpindleError",
      message: `Cannot use ${shown} for the sites: a list is needed`,
    });
  }
});

Deno.test("requireTexts() names a text that is none", () => {
  requireTexts([]);
  requireTexts(["", "a"]);
  assert.throws(() => requireTexts(["a", null]), {
    name: "SpindleError",
    message: "Cannot use null for text 2: give strings",
  });
  assert.throws(() => requireTexts("a b" as unknown as string[]), {
    name: "SpindleError",
    message: 'Cannot use "a b" for the texts: a list is needed',
  });
});
