import assert from "node:assert/strict";
import { join } from "node:path";
import config from "../../deno.json" with { type: "json" };
import { commands } from "../../src/cli/commands.ts";
import { withFolder } from "../folder.ts";
import { runCode, runSpindle, startCode, startSpindle } from "./support.ts";

Deno.test("spindle --help lists every command on stdout", async () => {
  const { code, stdout, stderr } = await runSpindle(["--help"]);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /^Usage: spindle COMMAND/m);
  for (const name of Object.keys(commands)) {
    assert.match(stdout, new RegExp(`^  ${name} +\\w`, "m"));
  }
});

Deno.test("spindle help shows what --help shows, of the program and of a command", async () => {
  const help = await runSpindle(["--help"]);
  for (const args of [["help"], ["help", "--help"], ["help", "-h"]]) {
    assert.deepEqual(await runSpindle(args), help);
  }
  assert.deepEqual(await runSpindle(["help", "doctor"]), await runSpindle(["doctor", "--help"]));
  const { code, stderr } = await runSpindle(["help", "doctr"]);
  assert.deepEqual([code, stderr], [
    2,
    'spindle: Unknown command "doctr": did you mean "doctor"?\n',
  ]);
});

Deno.test("spindle without a command shows the help on stderr and exits with 2", async () => {
  const { code, stdout, stderr } = await runSpindle([]);
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /Usage: spindle COMMAND/);
});

Deno.test("the help of every command names it, fits 100 columns and has an example", async () => {
  for (const [name, load] of Object.entries(commands)) {
    const { command } = await load();
    assert.equal(command.name, name);
    const { code, stdout, stderr } = await runSpindle([name, "--help"]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, new RegExp(`^Usage: spindle ${name} `, "m"));
    assert.ok(stdout.includes(`Example:\n  spindle ${name}`), stdout);
    assert.ok(stdout.split("\n").every((line) => line.length <= 100), stdout);
  }
});

Deno.test("spindle --version prints the version of deno.json", async () => {
  const { version } = JSON.parse(
    await Deno.readTextFile(new URL("../../deno.json", import.meta.url)),
  );
  const { code, stdout } = await runSpindle(["--version"]);
  assert.deepEqual([code, stdout], [0, `${version}\n`]);
});

Deno.test("an unknown command suggests the nearest one and exits with 2", async () => {
  assert.deepEqual(await runSpindle(["doctr"]), {
    code: 2,
    stdout: "",
    stderr: 'spindle: Unknown command "doctr": did you mean "doctor"?\n',
  });
});

Deno.test("an unknown command like no other lists the commands", async () => {
  const { code, stderr } = await runSpindle(["constructor"]);
  assert.equal(code, 2);
  assert.match(stderr, /^spindle: Unknown command "constructor": there is .*doctor/);
});

Deno.test("an unknown option suggests the nearest one and exits with 2", async () => {
  assert.deepEqual(await runSpindle(["doctor", "--jsno"]), {
    code: 2,
    stdout: "",
    stderr: 'spindle: Unknown option "--jsno": did you mean "--json"?\n',
  });
});

Deno.test("--debug shows where an error arose, above the sentence", async () => {
  const { code, stderr } = await runSpindle(["doctor", "--jsno", "--debug"]);
  assert.equal(code, 2);
  assert.match(stderr, /^UsageError: .*\n +at [^]*\nspindle: Unknown option "--jsno"/);
});

Deno.test("an error nobody expected is one line with the way to its stack", async () => {
  const { code, stdout, stderr } = await runCode(`
    import { main } from "CLI/main.ts";
    queueMicrotask(() => { throw new TypeError("first\\n  second"); });
    await main(["doctor", "--help"]);
  `);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.equal(
    stderr,
    "spindle: unexpected: first second (run again with --debug for the stack)\n",
  );
});

Deno.test("a reader that stops early ends the program without an error", async () => {
  const child = startSpindle(["--help"]);
  await child.stdout.cancel();
  const stderr = await new Response(child.stderr).text();
  assert.deepEqual([(await child.status).code, stderr], [0, ""]);
});

Deno.test("Ctrl-C runs the clean-ups and exits with 130, silently", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "half-written");
    const child = startCode(`
      import { exitOnInterrupt } from "CLI/exit.ts";
      import { registerCleanUp } from "CLI/../clean_up.ts";
      Deno.writeTextFileSync(${JSON.stringify(path)}, "half");
      exitOnInterrupt();
      registerCleanUp(() => Deno.removeSync(${JSON.stringify(path)}));
      registerCleanUp(() => { throw new Error("must not keep the others from running"); });
      registerCleanUp(() => console.log("withdrawn"))[Symbol.dispose]();
      console.log("ready");
      setTimeout(() => {}, 60_000);
    `);
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    assert.equal((await reader.read()).value, "ready\n");
    assert.ok((await Deno.stat(path)).isFile);
    child.kill("SIGINT");
    const stderr = await new Response(child.stderr).text();
    assert.deepEqual([(await child.status).code, stderr], [130, ""]);
    assert.equal((await reader.read()).done, true);
    await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
  });
});

Deno.test("a closed stderr changes neither the exit code nor the results", async () => {
  for (
    const [args, code, output] of [[["nosuch"], 2, ""], [
      ["--version"],
      0,
      `${config.version}\n`,
    ]] as const
  ) {
    const child = startSpindle([...args]);
    await Promise.all([child.stderr.cancel(), child.stdin.close()]);
    assert.equal(await new Response(child.stdout).text(), output);
    assert.equal((await child.status).code, code);
  }
});
