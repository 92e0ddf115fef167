import assert from "node:assert/strict";
import { SpindleError } from "../../src/util.ts";
import { gzip, loadFile, withFiles } from "./files.ts";

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

Deno.test("loadDataset() rejects a missing file, a folder and a packed file that was cut", async () =>
  withFiles({ "a.csv.gz": (await gzip("label,text\n1,a\n0,b\n")).slice(0, -9) }, async (folder) => {
    await assert.rejects(loadFile(`${folder}/none.csv`), /none.csv" as it does not exist/);
    Deno.mkdirSync(`${folder}/folder.csv`);
    await assert.rejects(loadFile(`${folder}/folder.csv`), /not a regular file/);
    await assert.rejects(loadFile(`${folder}/a.csv.gz`), /not a whole gzip file/);
  }));
