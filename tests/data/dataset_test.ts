import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "npm:fast-check@4.10";
import { type Dataset, type DatasetFiles, loadDataset } from "../../src/data/dataset.ts";
import { SpindleError } from "../../src/util.ts";

/** Writes files to a new folder, runs `body` there and removes it. */
async function withFiles(
  files: Record<string, string | Uint8Array>,
  body: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    for (const [name, content] of Object.entries(files)) {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      Deno.writeFileSync(`${folder}/${name}`, bytes);
    }
    await body(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Loads a file as every split, so that nothing is held out. */
function loadFile(path: string, columns: Partial<DatasetFiles> = {}): Promise<Dataset> {
  return loadDataset({ train: path, validation: path, test: path, ...columns });
}

const rows = ({ train, classes }: Dataset) =>
  train.texts.map((text, i) => [classes[train.labels[i]!], text]);

async function gzip(text: string): Promise<Uint8Array> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

Deno.test("loadDataset() loads the bundled movie reviews with named classes", async () => {
  const mr = await loadDataset({ name: "mr" });
  assert.deepEqual(mr.classes, ["negative", "positive"]);
  assert.equal(mr.metric, "accuracy");
  for (const [split, count] of [[mr.train, 7678], [mr.validation, 852], [mr.test, 2132]] as const) {
    assert.equal(split.texts.length, count);
    assert.equal(split.labels.reduce((sum, label) => sum + label, 0), count / 2);
  }
  assert.equal(
    mr.train.texts[1],
    "the actors are forced to grapple with hazy motivations that never come into focus .",
  );
  assert.equal(mr.train.labels[1], 0);
  assert.deepEqual(await loadDataset({ name: "mr" }), mr);
});

Deno.test("loadDataset() says which bundled data sets there are", () =>
  assert.rejects(loadDataset({ name: "imdb" }), /named "imdb": there is mr/));

const expected = [["pos", "a, b"], ["neg", 'say "hi"'], ["pos", ""]];
const formats: [string, string][] = [
  ["a.csv", 'label,text\npos,"a, b"\nneg,"say ""hi"""\npos,\n'],
  ["windows.csv", '\uFEFFlabel,text\r\npos,"a, b"\r\n\r\nneg,"say ""hi"""\r\npos,\r\n'],
  ["a.tsv", 'label\ttext\npos\ta, b\nneg\tsay "hi"\npos\t'],
  ["windows.tsv", '\uFEFFtext\tlabel\r\na, b\t pos\r\nsay "hi"\tneg\r\n\r\n\tpos\r\n'],
  [
    "a.jsonl",
    '{"label":"pos","text":"a, b"}\n\n{"text":"say \\"hi\\"","label":"neg","id":1}\n' +
    '{"label":" pos ","text":""}',
  ],
  [
    "windows.jsonl",
    '\uFEFF{"label":"pos","text":"a, b"}\r\n{"text":"say \\"hi\\"","label":"neg"}\r\n' +
    '{"label":"pos","text":""}\r\n',
  ],
];

for (const [name, content] of formats) {
  Deno.test(`loadDataset() reads ${name}, plain and packed`, async () =>
    withFiles({ [name]: content, [`${name}.gz`]: await gzip(content) }, async (folder) => {
      assert.deepEqual(rows(await loadFile(`${folder}/${name}`)), expected);
      assert.deepEqual(rows(await loadFile(`${folder}/${name}.gz`)), expected);
    }));
}

Deno.test("loadDataset() reads a quoted text over several lines", () =>
  withFiles({ "a.csv": 'text,label\n"one\r\ntwo\n",x\nb,y\n' }, async (folder) => {
    const dataset = await loadFile(`${folder}/a.csv`);
    assert.deepEqual(rows(dataset), [["x", "one\r\ntwo\n"], ["y", "b"]]);
  }));

Deno.test("loadDataset() takes other columns where asked to", () =>
  withFiles({ "a.tsv": "id\tsentence\tsentiment\n1\ta\tx\n2\tb\ty\n" }, async (folder) => {
    const columns = { text: "sentence", label: "sentiment" };
    assert.deepEqual(rows(await loadFile(`${folder}/a.tsv`, columns)), [["x", "a"], ["y", "b"]]);
  }));

Deno.test("loadDataset() orders classes by value where all are numbers, else by name", () =>
  withFiles({
    "numbers.jsonl": [10, 2, -1].map((label) => JSON.stringify({ label, text: "" })).join("\n"),
    "names.tsv": "label\ttext\n10\t\nb\t\n2\t\nB\t",
    "booleans.jsonl": '{"label":true,"text":""}\n{"label":false,"text":""}',
  }, async (folder) => {
    const classes = async (name: string) => (await loadFile(`${folder}/${name}`)).classes;
    assert.deepEqual(await classes("numbers.jsonl"), ["-1", "2", "10"]);
    assert.deepEqual(await classes("names.tsv"), ["10", "2", "B", "b"]);
    assert.deepEqual(await classes("booleans.jsonl"), ["false", "true"]);
  }));

const broken: [string, string, string | Uint8Array, RegExp][] = [
  ["an unknown ending", "a.txt", "label\ttext\n", /ending is unknown: \.csv, \.tsv or \.jsonl/],
  ["an empty file", "a.csv", "", /a\.csv" as it is empty/],
  ["an empty packed file", "a.csv.gz", "", /a\.csv\.gz" as it is /],
  ["a file that is not packed", "a.csv.gz", "label,text", /not a whole gzip file/],
  ["a header alone", "a.csv", "label,text\n", /has no rows/],
  ["a header alone", "a.tsv", "label\ttext\n", /has no rows/],
  ["empty lines alone", "a.jsonl", "\n \n", /has no rows/],
  ["a missing text column", "a.csv", "label,sentence\n", /no column "text": choose one of "label"/],
  ["a missing label column", "a.tsv", "a b\ttext\n", /no column "label": choose one of "a b", "te/],
  ["a missing key", "a.jsonl", '{"text":"a"}', /no "label" in its line 1: choose one of "text"/],
  ["a key of every object", "a.jsonl", '{"text":"a","constructor":1}', /no "label" in its line 1/],
  ["two columns of one name", "a.csv", "text,label,text\n", /more than one column "text"/],
  ["a long row", "a.csv", "label,text\n1,a\n0,b,c\n", /line 3 has 3 fields where the header has 2/],
  ["a short row", "a.csv", "label,text\n\n1\n", /line 3 has 1 fields where the header has 2/],
  ["a ragged row", "a.tsv", "label\ttext\n1\ta\tb\n", /line 2 has 3 fields/],
  ["an empty label", "a.csv", "label,text\n1,a\n,b\n", /line 3 has an empty label/],
  ["a blank label", "a.tsv", "label\ttext\n  \tb\n", /line 2 has an empty label/],
  ["a label that is null", "a.jsonl", '{"text":"a","label":null}', /line 1 has a "label" that is/],
  ["a text that is a number", "a.jsonl", '{"text":1,"label":1}', /line 1 has a "text" that is no/],
  ["a line that is not JSON", "a.jsonl", '{"text":"a","label":1}\n{', /line 2 is not valid JSON/],
  ["a line that is a list", "a.jsonl", "[]", /line 1 is not a JSON object/],
  ["a repeated key", "a.jsonl", '{"text":"a","text":"b","label":1}', /key "text" is repeated/],
  ["an open quote", "a.csv", 'label,text\n1,a\n0,"b\n1,c\n', /line 3 opens a quote that is never/],
  ["text behind a quote", "a.csv", 'label,text\n1,"a"b\n', /line 2 has a misplaced quote/],
  ["a quote inside a field", "a.csv", 'label,text\n1,a "b"\n', /line 2 has a misplaced quote/],
  ["one class only", "a.csv", "label,text\n1,a\n1,b\n", /all of its 2 rows have the label "1"/],
  ...["a.csv", "a.tsv", "a.jsonl"].map((name): [string, string, Uint8Array, RegExp] => [
    "invalid UTF-8",
    name,
    new Uint8Array([10, 66, 0xff, 10]),
    /line 2 is not valid UTF-8/,
  ]),
];

for (const [what, name, content, message] of broken) {
  Deno.test(`loadDataset() rejects ${what} in ${name}`, () =>
    withFiles(
      { [name]: content },
      (folder) =>
        assert.rejects(loadFile(`${folder}/${name}`), (error) => {
          assert(error instanceof SpindleError, String(error));
          assert.match(error.message, message);
          assert(error.message.includes(`"${folder}/${name}"`), error.message);
          assert(!error.message.includes("\n"));
          return true;
        }),
    ));
}

Deno.test("loadDataset() tells labels apart that differ beyond what a float holds", () => {
  const row = (label: string) => `{"label":${label},"text":"a"}\n`;
  const content = ["9007199254740992", "9007199254740993", "1"].map(row).join("").repeat(20);
  return withFiles({ "a.jsonl": content }, async (folder) => {
    const { classes } = await loadFile(`${folder}/a.jsonl`);
    assert.deepEqual([...classes].sort(), ["1", "9007199254740992", "9007199254740993"]);
  });
});

Deno.test("loadDataset() reads a packed file of several members", async () => {
  const parts = [await gzip("label,text\n" + "1,a\n".repeat(20)), await gzip("0,b\n".repeat(20))];
  await withFiles(
    { "a.csv.gz": Uint8Array.from(parts.flatMap((part) => [...part])) },
    async (folder) => {
      const { train } = await loadFile(`${folder}/a.csv.gz`);
      assert.equal(train.texts.length, 40);
    },
  );
});

Deno.test("loadDataset() rejects a missing file, a folder and a packed file that was cut", async () =>
  withFiles({ "a.csv.gz": (await gzip("label,text\n1,a\n0,b\n")).slice(0, -9) }, async (folder) => {
    await assert.rejects(loadFile(`${folder}/none.csv`), /none.csv" as it does not exist/);
    Deno.mkdirSync(`${folder}/folder.csv`);
    await assert.rejects(loadFile(`${folder}/folder.csv`), /not a regular file/);
    await assert.rejects(loadFile(`${folder}/a.csv.gz`), /not a whole gzip file/);
  }));

Deno.test("loadDataset() rejects a class that no training text has, naming file and line", () =>
  withFiles({
    "train.csv": "label,text\na,1\nb,2\n",
    "test.csv": "label,text\na,1\nc,2\n",
  }, async (folder) => {
    const train = `${folder}/train.csv`;
    await assert.rejects(
      loadDataset({ train, validation: train, test: `${folder}/test.csv` }),
      /test\.csv" as its line 3 has the label "c", which no text to train on has/,
    );
  }));

/** A table of `counts[c]` texts of each class c, the classes mixed, every text its own. */
function table(counts: number[]): string {
  const labels = counts.flatMap((count, label) => Array<number>(count).fill(label));
  const mixed = labels.map((label, i) => ({ label, place: (i * 7919) % labels.length }))
    .sort((a, b) => a.place - b.place);
  return "label\ttext\n" + mixed.map(({ label }, i) => `${label}\ttext ${i}`).join("\n");
}

const count = (labels: Int32Array, label: number) =>
  labels.filter((other) => other === label).length;

Deno.test("loadDataset() holds a tenth out where there is no file, the classes in shares", () =>
  withFiles({ "a.tsv": table([700, 300]) }, async (folder) => {
    const path = `${folder}/a.tsv`;
    const { train, validation, test } = await loadDataset({ train: path, test: path });
    assert.deepEqual([0, 1].map((label) => count(validation.labels, label)), [70, 30]);
    assert.deepEqual([0, 1].map((label) => count(train.labels, label)), [630, 270]);
    assert.equal(test.texts.length, 1000);
    const seen = [...train.texts, ...validation.texts];
    assert.equal(new Set(seen).size, 1000);

    const all = await loadDataset({ train: path });
    const splits = [all.train, all.validation, all.test];
    assert.deepEqual(splits.map(({ texts }) => texts.length), [810, 90, 100]);
    assert.deepEqual(splits.map(({ labels }) => count(labels, 0)), [567, 63, 70]);
    assert.equal(new Set(splits.flatMap(({ texts }) => texts)).size, 1000);
  }));

Deno.test("loadDataset() holds the same texts out for a seed and others for another", () =>
  withFiles({ "a.tsv": table([50, 50]) }, async (folder) => {
    const load = (seed?: number) =>
      loadDataset({ train: `${folder}/a.tsv` }, seed === undefined ? {} : { seed });
    assert.deepEqual(await load(3), await load(3));
    assert.deepEqual(await load(), await load(0));
    assert.notDeepEqual((await load(3)).validation.texts, (await load(4)).validation.texts);
  }));

Deno.test("loadDataset() keeps a class of one text to train on, and refuses to hold out all", () =>
  withFiles({ "rare.tsv": table([99, 1]), "two.tsv": table([1, 1]) }, async (folder) => {
    const { train } = await loadDataset({ train: `${folder}/rare.tsv` });
    assert.equal(count(train.labels, 1), 1);
    await assert.rejects(
      loadDataset({ train: `${folder}/two.tsv` }),
      /Cannot hold texts out of the 2 of ".*two.tsv" as too few remain/,
    );
  }));

Deno.test("loadDataset() limits every split, the classes in shares, the order kept", async () => {
  const whole = await loadDataset({ name: "mr" });
  const short = await loadDataset({ name: "mr" }, { limit: 900 });
  assert.deepEqual(short.validation, whole.validation);
  for (const split of ["train", "test"] as const) {
    assert.equal(short[split].texts.length, 900);
    assert.equal(count(short[split].labels, 0), 450);
    const places = short[split].texts.map((text) => whole[split].texts.indexOf(text));
    assert.deepEqual(places, places.toSorted((a, b) => a - b));
  }
  assert.notEqual(short.sha256, whole.sha256);
  for (const limit of [1, 0, -5, 2.5, NaN]) {
    await assert.rejects(loadDataset({ name: "mr" }, { limit }), /Cannot limit a data set to/);
  }
  assert.equal((await loadDataset({ name: "mr" }, { limit: 2 })).train.texts.length, 2);
});

Deno.test("the digest covers classes, splits, labels and texts, and nothing else", () =>
  withFiles({
    "a.csv": "label,text\nx,a\ny,b\n",
    "a.jsonl": '{"text":"a","label":"x"}\n{"text":"b","label":"y"}\n',
    "text.csv": "label,text\nx,a\ny,B\n",
    "label.csv": "label,text\ny,a\nx,b\n",
    "class.csv": "label,text\nx,a\nz,b\n",
    "order.csv": "label,text\ny,b\nx,a\n",
  }, async (folder) => {
    const digest = async (name: string) => (await loadFile(`${folder}/${name}`)).sha256;
    assert.equal(await digest("a.jsonl"), await digest("a.csv"));
    const names = ["a.csv", "text.csv", "label.csv", "class.csv", "order.csv"];
    assert.equal(new Set(await Promise.all(names.map(digest))).size, names.length);
    const part = (name: string) => `\n${name} 2\n0 "a"\n1 "b"\n`;
    const content = '["x","y"]' + ["train", "validation", "test"].map(part).join("");
    assert.equal(await digest("a.csv"), createHash("sha256").update(content).digest("hex"));
  }));

Deno.test("loadDataset() reads back any text that was written as CSV or JSON lines", async () => {
  const anyText = fc.string({ unit: "grapheme" }).filter((text) => text.isWellFormed());
  await fc.assert(
    fc.asyncProperty(fc.array(anyText, { minLength: 2, maxLength: 8 }), async (texts) => {
      const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
      const csv = texts.map((text, i) => `${i},${quote(text)}`).join("\n");
      const jsonl = texts.map((text, label) => JSON.stringify({ text, label })).join("\n");
      await withFiles({ "a.csv": "label,text\n" + csv, "a.jsonl": jsonl }, async (folder) => {
        for (const name of ["a.csv", "a.jsonl"]) {
          const { train } = await loadFile(`${folder}/${name}`);
          assert.deepEqual(train.texts, texts);
        }
      });
    }),
    { numRuns: 50 },
  );
});

Deno.test("loadDataset() answers random bytes with a SpindleError or a data set", async () => {
  const anyBytes = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.stringMatching(/^label,text\n([01ab",\n\r\t{}]{0,40})$/).map((text) =>
      new TextEncoder().encode(text)
    ),
  );
  await fc.assert(
    fc.asyncProperty(
      anyBytes,
      fc.constantFrom("a.csv", "a.tsv", "a.jsonl", "a.csv.gz"),
      (bytes, name) =>
        withFiles({ [name]: bytes }, async (folder) => {
          try {
            const { train } = await loadFile(`${folder}/${name}`);
            assert.equal(train.labels.length, train.texts.length);
          } catch (error) {
            assert(error instanceof SpindleError, String(error));
          }
        }),
    ),
    { numRuns: 300 },
  );
});
