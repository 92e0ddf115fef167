import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10";
import { loadDataset } from "../../src/data/load_dataset.ts";
import { SpindleError } from "../../src/util.ts";
import { gzip, loadFile, rows, withFiles } from "./files.ts";

const expected = [["pos", "a, b"], ["neg", 'say "hi"'], ["pos", ""]];
const formats: [string, string][] = [
  ["a.csv", 'label,text\npos,"a, b"\nneg,"say ""hi"""\npos,\n'],
  ["windows.csv", '\uFEFFlabel,text\r\npos,"a, b"\r\n\r\nneg,"say ""hi"""\r\npos,\r\n'],
  ["mixed.csv", 'label,text\npos,"a, b"\r\nneg,"say ""hi"""\npos,\r\n'],
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
  ["CAPITALS.TSV", 'label\ttext\npos\ta, b\nneg\tsay "hi"\npos\t'],
];

for (const [name, content] of formats) {
  Deno.test(`loadDataset() reads ${name}, plain and packed`, async () =>
    withFiles({ [name]: content, [`${name}.gz`]: await gzip(content) }, async (folder) => {
      const plain = await loadFile(`${folder}/${name}`);
      assert.deepEqual([plain.name, rows(plain)], [name.replace(/\..*/, ""), expected]);
      assert.deepEqual(rows(await loadFile(`${folder}/${name}.gz`)), expected);
    }));
}

Deno.test("loadDataset() names data by the file, where that is all ending by the ending", () => {
  const content = "label,text\nx,a\ny,b\n";
  const names = { "a.b.csv": "a.b", ".csv": ".csv", "..csv": ".", "A.CSV": "A" };
  return withFiles(
    Object.fromEntries(Object.keys(names).map((name) => [name, content])),
    async (folder) => {
      for (const [file, name] of Object.entries(names)) {
        assert.equal((await loadFile(`${folder}/${file}`)).name, name);
      }
    },
  );
});

Deno.test("loadDataset() reads a quoted text over several lines", () =>
  withFiles({ "a.csv": 'text,label\n"one\r\ntwo\n",x\nb,y\n' }, async (folder) => {
    const dataset = await loadFile(`${folder}/a.csv`);
    assert.deepEqual(rows(dataset), [["x", "one\r\ntwo\n"], ["y", "b"]]);
  }));

Deno.test("loadDataset() tells the line at which the row of each text begins", () =>
  withFiles({
    "a.csv": '\uFEFFtext,label\r\n"one\r\n\r\ntwo\n",x\r\n\r\n\nb,y\n"\nc",x\nd,y',
    "a.tsv": "text\tlabel\na\tx\n\nb\ty\n",
    "a.jsonl": '\n{"text":"a","label":"x"}\n\n{"text":"b","label":"y"}\n',
  }, async (folder) => {
    const lines = { "a.csv": [2, 8, 9, 11], "a.tsv": [2, 4], "a.jsonl": [2, 4] };
    for (const [name, expected] of Object.entries(lines)) {
      const path = `${folder}/${name}`;
      const { validation } = await loadFile(path);
      assert.deepEqual(validation.places, { path, lines: Int32Array.from(expected) });
    }
  }));

Deno.test("loadDataset() tells where texts stand that are held out or limited", () => {
  const rows = Array.from({ length: 60 }, (_, i) => `${i % 2}\t${i + 2}`);
  return withFiles({ "a.tsv": ["label\ttext", ...rows].join("\n") }, async (folder) => {
    const dataset = await loadDataset({ train: `${folder}/a.tsv` }, { limit: 20 });
    for (const { texts, places } of [dataset.train, dataset.validation, dataset.test]) {
      assert.deepEqual(Array.from(places!.lines, String), texts);
    }
  });
});

Deno.test("loadDataset() takes other columns where asked to", () =>
  withFiles({ "a.tsv": "id\tsentence\tsentiment\n1\ta\tx\n2\tb\ty\n" }, async (folder) => {
    const columns = { text: "sentence", label: "sentiment" };
    assert.deepEqual(rows(await loadFile(`${folder}/a.tsv`, columns)), [["x", "a"], ["y", "b"]]);
  }));

Deno.test("loadDataset() takes a column whose name every object inherits where it is there", () =>
  withFiles({
    "a.csv": "text,toString\na,x\nb,y\n",
    "a.jsonl": '{"text":"a","toString":"x"}\n{"text":"b","toString":"y"}',
    "none.csv": "text,label\na,x\nb,y\n",
    "none.jsonl": '{"text":"a","label":"x"}\n{"text":"b","label":"y"}',
  }, async (folder) => {
    const columns = { label: "toString" };
    for (const ending of ["csv", "jsonl"]) {
      const found = rows(await loadFile(`${folder}/a.${ending}`, columns));
      assert.deepEqual(found, [["x", "a"], ["y", "b"]]);
      await assert.rejects(
        loadFile(`${folder}/none.${ending}`, columns),
        /has no (column )?"toString".*: set label \(--label\) to one of "text", "label"/,
      );
    }
  }));

Deno.test("loadDataset() cuts U+FEFF only where a file begins", () =>
  withFiles({ "a.tsv": "\uFEFFtext\tlabel\n\uFEFFa\t \uFEFFx\nb\tx\n" }, async (folder) => {
    const dataset = await loadFile(`${folder}/a.tsv`);
    assert.deepEqual(rows(dataset), [["\uFEFFx", "\uFEFFa"], ["x", "b"]]);
  }));

Deno.test("loadDataset() takes no time over long runs of blanks", () => {
  const blanks = " ".repeat(400_000);
  return withFiles({
    "a.tsv": `text\tlabel\n${blanks}a\t.${blanks}x\nb\ty${blanks}\n`,
    "a.jsonl": `{"text":"${blanks}a","label":".${blanks}x"}\n{"text":"b","label":"y${blanks}"}\n`,
  }, async (folder) => {
    for (const name of ["a.tsv", "a.jsonl"]) {
      const begin = performance.now();
      const dataset = await loadFile(`${folder}/${name}`);
      // In time with the square of the blanks it would be minutes.
      assert.ok(performance.now() - begin < 5000);
      assert.deepEqual(rows(dataset), [[`.${blanks}x`, `${blanks}a`], ["y", "b"]]);
    }
  });
});

Deno.test("loadDataset() tells labels apart that differ beyond what a float holds", () => {
  const row = (label: string) => `{"label":${label},"text":"a"}\n`;
  const labels = [
    "1",
    "12345678901234567890.0",
    "1e999",
    "2e999",
    "9007199254740992",
    "9007199254740993",
  ];
  return withFiles({ "a.jsonl": labels.map(row).join("") }, async (folder) => {
    const { classes } = await loadFile(`${folder}/a.jsonl`);
    assert.deepEqual([...classes].sort(), labels);
  });
});

Deno.test("loadDataset() reads a packed file of several members", async () => {
  const parts = [await gzip("label,text\n" + "1,a\n".repeat(20)), await gzip("0,b\n".repeat(20))];
  await withFiles(
    { "a.csv.GZ": Uint8Array.from(parts.flatMap((part) => [...part])) },
    async (folder) => {
      const { train } = await loadFile(`${folder}/a.csv.GZ`);
      assert.equal(train.texts.length, 40);
    },
  );
});

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
