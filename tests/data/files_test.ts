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

/** A text in UTF-16 without a byte order mark. */
function utf16(text: string): Uint8Array {
  return new Uint8Array(Uint16Array.from(text, (letter) => letter.charCodeAt(0)).buffer);
}

const broken: [string, string, string | Uint8Array, RegExp][] = [
  ["an unknown ending", "a.txt", "label\ttext\n", /ending is unknown: \.csv, \.tsv or \.jsonl/],
  ["an empty file", "a.csv", "", /a\.csv" as it is empty/],
  ["an empty packed file", "a.csv.gz", "", /a\.csv\.gz" as it is /],
  ["a file that is not packed", "a.csv.gz", "label,text", /not a whole gzip file/],
  ["a header alone", "a.csv", "label,text\n", /has no rows/],
  ["a header alone", "a.tsv", "label\ttext\n", /has no rows/],
  ["empty lines alone", "a.jsonl", "\n \n", /has no rows/],
  ["empty lines alone", "a.csv", "\n\r\n", /has no rows/],
  ["empty lines alone", "a.tsv", "\n\r\n", /has no rows/],
  ["a byte order mark alone", "a.csv", "\uFEFF", /has no rows/],
  ["a byte order mark alone", "a.tsv", "\uFEFF", /has no rows/],
  ["lines that end in CR", "a.csv", 'text,label\ra,1\r"b",0\r', /its lines end in CR alone: save/],
  ["lines that end in CR", "a.tsv", "text\tlabel\ra\t1\r\n", /its lines end in CR alone: save/],
  ["an object without a key", "a.jsonl", "{}\n", /no "text" in its line 1: a text and a label/],
  [
    "a deeply nested line",
    "a.jsonl",
    `{"text":${"[".repeat(200_000)}${"]".repeat(200_000)}}\n`,
    /line 1 is nested too deeply: an object/,
  ],
  [
    "a missing text column",
    "a.csv",
    "label,a\n",
    /no column "text": set text \(--text\) to one of/,
  ],
  [
    "a missing label column",
    "a.tsv",
    "a b\ttext\n",
    /"label": set label .* to one of "a b", "text"/,
  ],
  [
    "a missing key",
    "a.jsonl",
    '{"text":"a"}',
    /no "label" in its line 1: set label \(--label\) to/,
  ],
  [
    "semicolons",
    "a.csv",
    "text;label\na, b;x\n",
    /header is separated by semicolons: save it with/,
  ],
  ["semicolons", "a.tsv", "text;label\na;x\n", /header is separated by semicolons/],
  ["semicolons", "a.csv", "id, old;text;label\n1;a\n", /header is separated by semicolons/],
  ["vertical bars", "a.csv", "text|label\na|x\n", /header is separated by vertical bars: save/],
  ["vertical bars", "a.tsv", "id|text\tlabel\n", /header is separated by vertical bars/],
  ["a column with a semicolon", "a.csv", "a;b,label\n", /has no column "text": .* "a;b", "label"$/],
  ["UTF-16", "a.csv", utf16("text,label\na,x\nb,y\n"), /looks like UTF-16: save it as UTF-8$/],
  ["UTF-16", "a.tsv", utf16("text\tlabel\r\na\tx\r\nb\ty\r\n"), /looks like UTF-16/],
  [
    "tabs",
    "a.csv",
    "text\tlabel\na\tx\n",
    /header is separated by tabs: save it with commas as \.csv/,
  ],
  ["commas", "a.tsv", "text,label\na,x\n", /separated by commas: .* or with tabs as \.tsv$/],
  ["a key of every object", "a.jsonl", '{"text":"a","constructor":1}', /no "label" in its line 1/],
  ["two columns of one name", "a.csv", "text,label,text\n", /more than one column "text"/],
  [
    "a long row",
    "a.csv",
    "label,text\n1,a\n0,b,c\n",
    /line 3 has 3 .* has 2: put those that hold commas/,
  ],
  ["a short row", "a.csv", "label,text\n\n1\n", /line 3 has 1 field where the header has 2/],
  [
    "a ragged row",
    "a.tsv",
    "label\ttext\n1\ta\tb\n",
    / 3 fields .*: quotes mean nothing in \.tsv, so save/,
  ],
  ["an empty label", "a.csv", "label,text\n1,a\n,b\n", /line 3 has an empty label/],
  ["a blank label", "a.tsv", "label\ttext\n  \tb\n", /line 2 has an empty label/],
  [
    "a label that is null",
    "a.jsonl",
    '{"text":"a","label":null}',
    /line 1 has null as its "label": a text in quotes, a number, true or false is needed$/,
  ],
  ["a label that is a list", "a.jsonl", '{"text":"a","label":["x"]}', /line 1 has \["x"\] as its/],
  [
    "a text that is an object",
    "a.jsonl",
    `{"text":{"${"a".repeat(50)}":1},"label":1}`,
    /line 1 has \{"a{38}… as its "text": a text in quotes is needed$/,
  ],
  ...["1", "12345678901234567890123", "1e999"].map((number): [string, string, string, RegExp] => [
    `a text that is the number ${number}`,
    "a.jsonl",
    `{"text":${number},"label":1}`,
    /line 1 has (1|1\.23\d+e\+22|Infinity) as its "text": a text in quotes is needed$/,
  ]),
  ["a line that is not JSON", "a.jsonl", '{"text":"a","label":1}\n{', /line 2 is not valid JSON/],
  [
    "a list of objects",
    "a.jsonl",
    '[{"text":"a","label":1}]',
    /line 1 is not a JSON object: write/,
  ],
  [
    "a list over lines",
    "a.jsonl",
    '[\n{"text":"a","label":1}\n]',
    /\): write one object a line, with/,
  ],
  ["a repeated key", "a.jsonl", '{"text":"a","text":"b","label":1}', /key "text" is repeated/],
  ["an open quote", "a.csv", 'label,text\n1,a\n0,"b\n1,c\n', /line 3 opens a quote that is never/],
  ["text behind a quote", "a.csv", 'label,text\n1,"a"b\n', /line 2 begins a row with a misplaced/],
  ["a quote inside a field", "a.csv", 'label,text\n1,a "b"\n', /line 2 begins a row with a mis/],
  [
    "a short row that begins with quoted lines",
    "a.csv",
    'label,text\n1,a\n"\n1"\n1,b\n',
    /line 3 has 1 f/,
  ],
  [
    "a short row after quoted lines",
    "a.csv",
    'label,text\r\n1,"a\r\nb"\r\n1\r\n',
    /line 4 has 1 f/,
  ],
  ["an open quote after empty lines", "a.csv", 'label,text\n1,"a\nb"\n\n0,"b\n', /line 5 opens/],
  ["one class only", "a.csv", "label,text\n1,a\n1,b\n", /as every row has the label "1": two/],
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

Deno.test("loadDataset() lists twenty columns of many, and cuts long names", () => {
  const names = Array.from({ length: 30 }, (_, i) => `${i}`.padEnd(30 * i + 1, "x"));
  names[2] = "\u{1f600}".repeat(50);
  return withFiles(
    { "a.csv": `${names.join()}\n` },
    (folder) =>
      assert.rejects(loadFile(`${folder}/a.csv`), (error: Error) => {
        const listed = error.message.replace(/^.* to one of /, "").split(", ");
        assert.equal(listed.length, 20);
        const whole = "\u{1f600}".repeat(40);
        assert.deepEqual(listed.slice(0, 3), ['"0"', `"${names[1]}"`, `"${whole}…"`]);
        assert.match(listed.at(-1)!, /^"19x{38}…" and 10 more$/);
        return true;
      }),
  );
});

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

Deno.test("loadDataset() rejects a missing file, a folder and a packed file that was cut", async () =>
  withFiles({ "a.csv.gz": (await gzip("label,text\n1,a\n0,b\n")).slice(0, -9) }, async (folder) => {
    await assert.rejects(loadFile(`${folder}/none.csv`), /none.csv" as it does not exist/);
    Deno.mkdirSync(`${folder}/folder.csv`);
    await assert.rejects(loadFile(`${folder}/folder.csv`), /not a regular file/);
    await assert.rejects(loadFile(`${folder}/a.csv.gz`), /not a whole gzip file/);
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
