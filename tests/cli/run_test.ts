import assert from "node:assert/strict";
import { join } from "node:path";
import { loadDataset } from "../../src/data/load_dataset.ts";
import { withFolder } from "../folder.ts";
import { letterTexts, writeTextModel } from "../model/text_model.ts";
import { runCode, runSpindle, runSpindleWith, startSpindle } from "./support.ts";

/** A run of the main job that takes seconds: a part of the data, one site, one pool. */
function smallRun(folder: string, out: string, ...more: string[]): string[] {
  const features = join(folder, "my features");
  const small = ["--limit", "150", "--sites", "hidden", "--pools", "mean", "--features", features];
  return ["run", ...small, "--out", join(folder, out), ...more];
}

Deno.test("spindle run makes a classifier that spindle classify uses, and the same one again", () =>
  withFolder(async (folder) => {
    const first = await runSpindle(smallRun(folder, "one", "--json"));
    assert.equal(first.code, 0, first.stderr);
    const results = JSON.parse(first.stdout);
    assert.deepEqual(results.solver.probes, 7 * 5);
    assert.deepEqual(results.solver.heads, 7 * 10 * 5);
    assert.deepEqual([results.dataset.train, results.dataset.test], [150, 150]);
    assert.ok(results.spin.validation >= results.bestLayer.validation - 0.1);
    assert.ok(results.spin.validation > results.majority.validation);
    assert.ok(results.spin.neurons > 0 && results.spin.neurons <= results.neuronsOfSite);
    assert.match(
      first.stderr,
      /Features go to [^\n]+, [\d.]+ MB \("spindle features --features '[^']+my features' --/,
    );

    const second = await runSpindle(smallRun(folder, "two"));
    assert.equal(second.code, 0, second.stderr);
    assert.match(second.stdout, /SPIN .* of 2688 neurons/);
    assert.match(second.stderr, /Features are there already/);
    for (const name of ["classifier.safetensors", "results.json", "probes.tsv", "heads.tsv"]) {
      assert.deepEqual(
        Deno.readFileSync(join(folder, "one", name)),
        Deno.readFileSync(join(folder, "two", name)),
        `${name} differs between two runs`,
      );
    }

    const classifier = join(folder, "one", "classifier.safetensors");
    const texts = ["a joy from start to finish", "", "dull, lifeless and far too long"];
    const labels = await runSpindle(["classify", classifier, ...texts, "--json"]);
    assert.equal(labels.code, 0, labels.stderr);
    const predictions = labels.stdout.trim().split("\n").map((line) => JSON.parse(line));
    assert.equal(predictions.length, 3);
    for (const { label, probability, probabilities } of predictions) {
      assert.equal(probability, Math.max(...Object.values<number>(probabilities)));
      assert.equal(probabilities[label], probability);
    }
    const other = await runSpindle(["classify", classifier, "x", "--model", folder]);
    assert.deepEqual([other.code, other.stdout], [1, ""]);
    assert.match(
      other.stderr,
      /^spindle: Cannot load a model from [^\n]+: check the path[^\n]+\n$/,
    );
  }));

Deno.test("spindle run says before the work that results cannot be written", () =>
  withFolder(async (folder) => {
    Deno.writeTextFileSync(join(folder, "file"), "");
    Deno.symlinkSync(join(folder, "none"), join(folder, "link"));
    Deno.mkdirSync(join(folder, "full", "heads.tsv"), { recursive: true });
    const cases: [out: string, message: RegExp][] = [
      ["file", /Cannot make the folder "[^"]+file" as there is something else of that name/],
      ["link", /Cannot make the folder "[^"]+link" as there is something else of that name/],
      [join("new", "a".repeat(300)), /Cannot make the folder "[^"]+" as the name is too long/],
      ["full", /Cannot write "[^"]+heads\.tsv" as it is not a regular file/],
    ];
    const before = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    for (const [out, message] of cases) {
      const { code, stdout, stderr } = await runSpindle(smallRun(folder, out));
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(stderr, /^spindle: [^\n]+\n$/);
      assert.match(stderr, message);
    }
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), before);
    assert.deepEqual([...Deno.readDirSync(join(folder, "full"))].length, 1);
  }));

Deno.test("spindle run may write to its two folders alone, and leaves no empty one", () =>
  withFolder(async (folder) => {
    const out = join(folder, "out");
    const permissions = ["--allow-read", "--allow-env", "--allow-sys", `--allow-write=${out}`];
    // What is missing is found after the folder of results was made and tried.
    const args = smallRun(folder, "out", "--model", join(folder, "none"));
    const { code, stderr } = await runSpindleWith(permissions, args);
    assert.equal(code, 1);
    assert.match(stderr, /^spindle: Cannot load a model from "[^"]+none" as it is no folder/m);
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  }));

Deno.test("spindle run uses the files, the columns, the seed and the metric that it is given", () =>
  withFolder(async (folder) => {
    const model = join(folder, "model");
    writeTextModel(model);
    /** Texts of some classes, of which the first `long` are longer than the model takes. */
    const file = (name: string, count: number, classes: number, seed: number, long = 0) => {
      const labels = Array.from({ length: count }, (_, i) => i % classes);
      const rows = letterTexts(labels, 3, seed).map((text, i) =>
        `${i < long ? text.repeat(17) : text}\t${["bad", "good", "so-so"][labels[i]!]}`
      );
      const path = join(folder, name);
      Deno.writeTextFileSync(path, ["body\tstars", ...rows].join("\n"));
      return path;
    };
    const train = file("train.tsv", 60, 3, 1, 3);
    const validation = file("validation.tsv", 30, 3, 2);
    const test = file("test.tsv", 40, 2, 3, 1);
    const columns = { text: "body", label: "stars" };
    const run = async (...more: string[]) => {
      const places = ["--features", join(folder, "features"), "--out", join(folder, "out")];
      const what = ["--model", model, "--sites", "hidden", "--text", "body", "--label", "stars"];
      const args = ["run", "--train", train, "--json", ...what, ...places, ...more];
      const { code, stdout, stderr } = await runSpindle(args);
      assert.equal(code, 0, stderr);
      return { results: JSON.parse(stdout), stderr };
    };

    const files = { train, validation, test, ...columns };
    const told = await run("--validation", validation, "--test", test, "--metric", "macro-f1");
    const { dataset, majority } = told.results;
    assert.deepEqual([dataset.train, dataset.validation, dataset.test], [60, 30, 40]);
    assert.equal(dataset.sha256, (await loadDataset(files)).sha256);
    assert.equal(dataset.metric, "macro-f1");
    assert.deepEqual(dataset.origin, { source: files, seed: 0 });
    assert.match(told.stderr, /^4 texts lost their ends: the model takes 32 tokens of a text$/m);
    assert.equal(majority.test, (2 / 3 + 0) / 2, "half of the texts are of the class");
    assert.match(told.stderr, /^No test text is of "so-so": macro-F1 leaves out a class that /m);

    const listed = await runSpindle(["features", "--features", join(folder, "features")]);
    assert.match(listed.stdout, / 130 texts {2}used /);
    assert.ok(listed.stdout.endsWith(`  ${train} with ${model}\n`), listed.stdout);

    const other = await run("--seed", "3", "--limit", "40", "--pools", "last");
    const options = { seed: 3, limit: 40 };
    const held = await loadDataset({ train, ...columns }, options);
    assert.equal(other.results.dataset.sha256, held.sha256);
    assert.equal(other.results.dataset.metric, "accuracy");
    assert.deepEqual(other.results.dataset.origin, {
      source: { train, ...columns },
      ...options,
    });
    assert.doesNotMatch(other.stderr, /No test text/);
    assert.equal(other.results.spin.pool, "last");
  }));

Deno.test("spindle run keeps names of files in their lines, and control characters from a terminal", () =>
  withFolder(async (folder) => {
    writeTextModel(join(folder, "mo\ndel"));
    const labels = Array.from({ length: 60 }, (_, i) => i % 2);
    const rows = letterTexts(labels, 2).map((text, i) => `${text}\t${labels[i]}\n`);
    Deno.writeTextFileSync(join(folder, "\u001b[2J.tsv"), `text\tlabel\n${rows.join("")}`);
    const what = ["--model", "mo\ndel", "--sites", "hidden", "--features", "fea\u0007tures"];
    const args = ["run", "--train", "\u001b[2J.tsv", ...what];
    const { code, stdout, stderr } = await runSpindle(args, { cwd: folder });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^\\u001b\[2J \(48 \/ 6 \/ 6 texts, 2 classes\), mo\\u000adel, accuracy/);
    assert.match(
      stdout,
      /^classifier: results\/\\u001b\[2J-mo\\u000adel\/classifier\.safetensors$/m,
    );
    assert.match(stderr, /^Features go to fea\\u0007tures\//m);
    const again = await runSpindle(["run", "--train", "\u001b[2J.csv"], { cwd: folder });
    assert.match(again.stderr, /^spindle: Cannot read "\\u001b\[2J\.csv" as it does not exist/);
    for (const told of [stdout, stderr, again.stderr]) {
      assert.doesNotMatch(told, /[^\P{Cc}\n]/u);
    }
  }));

Deno.test("spindle run goes to the optimum where --iterate asks for it, and says so", () =>
  withFolder(async (folder) => {
    const solve = async (iterate: string) => {
      const run = await runSpindle(smallRun(folder, iterate, "--iterate", iterate, "--json"));
      assert.equal(run.code, 0, run.stderr);
      const { solver, tokensPerSecond } = JSON.parse(run.stdout);
      const isFirst = iterate === "best";
      assert.ok(isFirst ? tokensPerSecond > 0 : tokensPerSecond === null, `${tokensPerSecond}`);
      const saved = JSON.parse(Deno.readTextFileSync(join(folder, iterate, "results.json")));
      assert.deepEqual(saved.solver, solver);
      assert.equal(solver.iterate, iterate);
      const unsolved = solver.probes + solver.heads - solver.converged;
      const told = /^(\d+) of \d+ regressions stopped before their optimum: /m.exec(run.stderr)
        ?.[1];
      assert.equal(Number(told ?? 0), unsolved);
      return solver;
    };
    const best = await solve("best");
    const converged = await solve("converged");
    assert.ok(converged.converged > best.converged);
    assert.ok(converged.worstGap < best.worstGap);
  }));

Deno.test("spindle classify reads lines from stdin, and refuses what is not UTF-8", () =>
  withFolder(async (folder) => {
    const run = await runSpindle(smallRun(folder, "out"));
    assert.equal(run.code, 0, run.stderr);
    const classifier = join(folder, "out", "classifier.safetensors");
    const ask = async (input: Uint8Array<ArrayBuffer>) => {
      const process = startSpindle(["classify", classifier]);
      const writer = process.stdin.getWriter();
      await writer.write(input);
      await writer.close();
      const { code, stdout, stderr } = await process.output();
      const decoder = new TextDecoder();
      return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
    };
    const good = await ask(new TextEncoder().encode("a fine film\r\n\nso bad"));
    assert.match(good.stdout, /^((positive|negative)\t[01]\.\d{4}\n){3}$/);
    const bad = await ask(new Uint8Array([0x61, 0xff, 0x62]));
    assert.deepEqual([bad.code, bad.stdout], [1, ""]);
    assert.match(bad.stderr, /not valid UTF-8/);
  }));

Deno.test("spindle run stops at Ctrl-C and keeps how far it came", () =>
  withFolder(async (folder) => {
    const features = join(folder, "features");
    const args = ["run", "--limit", "2000", "--features", features, "--out", join(folder, "out")];
    const { code, stderr } = await runCode(`
      import { globSync } from "node:fs";
      import { main } from "CLI/main.ts";
      // So much time between one look at the clock and the next that each batch is a checkpoint.
      let looks = 0;
      const { now } = performance;
      performance.now = () => {
        if (globSync(${JSON.stringify(join(features, "*", "train.progress.json"))}).length > 0) {
          Deno.kill(Deno.pid, "SIGINT");
        }
        return now.call(performance) + 4000 * looks++;
      };
      await main(${JSON.stringify(args)});
    `);
    assert.equal(code, 130, stderr);
    assert.doesNotMatch(stderr, /at .*\.ts:\d+/);
    const [store] = [...Deno.readDirSync(features)];
    const names = [...Deno.readDirSync(join(features, store!.name))].map(({ name }) => name);
    assert.ok(names.includes("train.hidden.0.safetensors.partial"));
    assert.ok(!names.includes("train.hidden.0.safetensors"));
    assert.ok(!names.some((name) => name.endsWith(".tmp")));
  }));

Deno.test("spindle run says in one line what is wrong with its input", () =>
  withFolder(async (folder) => {
    const file = (name: string, text: string | Uint8Array) => {
      const path = join(folder, name);
      if (typeof text === "string") Deno.writeTextFileSync(path, text);
      else Deno.writeFileSync(path, text);
      return path;
    };
    const rows = Array.from({ length: 40 }, (_, i) => `text ${i},${i % 2}\n`).join("");
    const good = file("good.csv", `text,label\n${rows}`);
    const model = join(folder, "model");
    Deno.mkdirSync(model);
    Deno.writeTextFileSync(join(model, "config.json"), '{"model_type": "mamba"}');
    const features = ["--features", join(folder, "features")];
    const out = join(folder, "out");
    const cases: [args: string[], code: number, message: RegExp][] = [
      [["--train", file("none.csv", "")], 1, /none\.csv/],
      [["--train", file("column.csv", "body,label\na,1\nb,0\n")], 1, /"text"/],
      [["--train", file("one.csv", "text,label\na,1\nb,1\nc,1\n")], 1, /class/],
      [
        [
          "--train",
          file(
            "utf8.csv",
            new Uint8Array([...new TextEncoder().encode("text,label\na,"), 0xff, 10]),
          ),
        ],
        1,
        /UTF-8/,
      ],
      [["--train", join(folder, "absent.csv")], 1, /does not exist/],
      [["--train", good, "--dataset", "mr"], 2, /both --dataset and --train/],
      [["--train", good, "--text", "label"], 2, /"label" for both text \(--text\) and label/],
      [["--train", good, "--label", "text"], 2, /"text" for both text \(--text\) and label/],
      [["--test", good], 2, /--test without --train: pass the file to train on/],
      [["--text", "body"], 2, /--text without --train/],
      [["--label", "label"], 2, /--label without --train/],
      [["--limit", "0"], 2, /--limit/],
      [["--iterate", "last"], 2, /"last" for --iterate/],
      [["--train", good, "--model", model, ...features], 1, /"mamba"/],
      [["--train", good, "--features", good], 1, /Cannot make the folder/],
    ];
    for (const [args, expected, message] of cases) {
      const { code, stdout, stderr } = await runSpindle(["run", "--out", out, ...args]);
      assert.deepEqual([code, stdout], [expected, ""], `${args}: ${stderr}`);
      assert.match(stderr.trim().split("\n").at(-1)!, /^spindle: [^\n]+$/);
      assert.match(stderr, message);
    }
  }));
