import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withFolder } from "../folder.ts";
import { letterTexts, writeTextModel } from "../model/text_model.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

const types: Readonly<Record<string, string>> = {
  ts: "application/typescript",
  json: "application/json",
};

/** Serves the code of the project, and nothing else of it. */
function serveCode(): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async ({ url }) => {
    const path = decodeURIComponent(new URL(url).pathname);
    if (!/^\/((src|shaders)\/.*|(cli\.ts|deno\.json))$/.test(path)) {
      return new Response("", { status: 404 });
    }
    const type = types[path.replace(/.*\./, "")] ?? "text/plain";
    const content = await Deno.readFile(join(root, path));
    return new Response(content, { headers: { "content-type": type } });
  });
}

Deno.test("the program runs from a URL, with a model and data of its user", () =>
  withFolder(async (folder) => {
    await using server = serveCode();
    // Modules that are fetched go to a cache of their own, packages stay where they are.
    const info = new Deno.Command(Deno.execPath(), { args: ["info", "--json"] });
    const { npmCache } = JSON.parse(new TextDecoder().decode((await info.output()).stdout));
    const cache = join(folder, "deno");
    Deno.mkdirSync(cache);
    Deno.symlinkSync(npmCache, join(cache, "npm"));
    const cli = `http://127.0.0.1:${server.addr.port}/cli.ts`;
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-q", "--no-prompt", "--no-lock", "-A", cli, ...args],
        cwd: folder,
        env: { DENO_DIR: cache },
      }).output();
      const [told, said] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
      return { code, told: told!, said: said! };
    };
    const help = await run("run", "--help");
    assert.deepEqual([help.code, help.said], [0, ""]);
    assert.match(help.told, /^Find the neurons/);

    writeTextModel(join(folder, "model"));
    const labels = Array.from({ length: 60 }, (_, i) => i % 2);
    const rows = letterTexts(labels, 2).map((text, i) => `${text}\t${labels[i]}\n`);
    Deno.writeTextFileSync(join(folder, "own.tsv"), `text\tlabel\n${rows.join("")}`);
    const own = ["--model", "model", "--train", "own.tsv"];
    const what = ["--sites", "hidden", "--features", "features"];
    const done = await run("run", ...own, ...what);
    assert.equal(done.code, 0, done.said);
    assert.match(done.told, /^own \(48 \/ 6 \/ 6 texts, 2 classes\), model, accuracy/);

    const bundled = {
      "models/all-MiniLM-L6-v2": ["run", ...own.slice(2)],
      "datasets/mr/train.tsv": ["run", ...own.slice(0, 2)],
    };
    for (const [name, args] of Object.entries(bundled)) {
      const { code, said } = await run(...args);
      assert.equal(code, 1);
      assert.match(said, new RegExp(`^spindle: Cannot read "http.*/${name}" from afar: download`));
    }
    const norm = await run("bench", "norm", "--rounds", "1");
    assert.equal(norm.code, 0, norm.said);
  }));
