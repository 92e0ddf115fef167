import assert from "node:assert/strict";
import { shellWord } from "../../src/cli/quote.ts";

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
