import assert from "node:assert/strict";
import { parseArguments } from "../../src/cli/arguments.ts";
import { defineCommand } from "../../src/cli/command.ts";
import { commandHelp } from "../../src/cli/help.ts";
import { UsageError } from "../../src/util.ts";

const command = defineCommand({
  name: "sort",
  summary: "Sort things",
  positionals: {
    inputFile: { count: "one", description: "What to sort" },
    others: { count: "any", description: "What else" },
  },
  options: {
    limit: { type: "integer", value: "ROWS", description: "At most so many" },
    seed: {
      type: "integer",
      minimum: 0,
      maximum: 255,
      default: 1,
      description: "Where chance starts",
    },
    tolerance: { type: "number", default: 1e-4, description: "When to stop" },
    metric: { type: "choice", choices: ["accuracy", "macro-f1"], description: "The score" },
    sites: {
      type: "choices",
      choices: ["hidden", "activation"],
      default: ["hidden"],
      description: "The states",
    },
    outFolder: { type: "text", value: "FOLDER", description: "Where to write" },
    json: { type: "flag", description: "As JSON" },
  },
  example: "sort a b",
  async run({ inputFile, others, limit, seed, metric, sites, json }) {
    // These lines hold the types of the values to what is declared above.
    const text: string = inputFile + others.join();
    const some: number | undefined = limit;
    const always: number = seed;
    const one: "accuracy" | "macro-f1" | undefined = metric;
    const several: readonly ("hidden" | "activation")[] = sites;
    const flag: boolean = json;
    return await Promise.resolve([text, some, always, one, several, flag].length);
  },
});

const parse = (...args: string[]) => parseArguments(command, args).values;

Deno.test("parseArguments() gives the declared defaults, and undefined where there is none", () => {
  assert.deepEqual(parse("a"), {
    inputFile: "a",
    others: [],
    limit: undefined,
    seed: 1,
    tolerance: 1e-4,
    metric: undefined,
    sites: ["hidden"],
    outFolder: undefined,
    json: false,
    debug: false,
    help: false,
  });
});

Deno.test("parseArguments() reads every type of option, anywhere among the arguments", () => {
  const values = parse(
    ..."--json a --limit 12 b --seed=0 --tolerance 1e-7 --metric macro-f1".split(" "),
    ..."--sites activation,hidden --out-folder=-odd -- --json".split(" "),
  );
  assert.deepEqual(values["others"], ["b", "--json"]);
  assert.deepEqual(values["sites"], ["activation", "hidden"]);
  const { limit, seed, tolerance, metric, outFolder, json } = values;
  assert.deepEqual([limit, seed, tolerance, metric, outFolder, json], [
    12,
    0,
    1e-7,
    "macro-f1",
    "-odd",
    true,
  ]);
});

Deno.test("parseArguments() rejects what it cannot use, and says what to give", () => {
  const cases: [args: string[], message: RegExp][] = [
    [[], /without INPUT-FILE/],
    [["a", "--limit", "0"], /"0" for --limit: give a whole number of at least 1$/],
    [["a", "--limit", "1.5"], /"1.5" for --limit/],
    [["a", "--limit", "1e3"], /"1e3" for --limit/],
    [["a", "--limit", "99999999999999999999"], /of at least 1 and at most 9007199254740991$/],
    [["a", "--seed=-1"], /"-1" for --seed: give a whole number of at least 0 and at most 255$/],
    [
      ["a", "--seed", "256"],
      /"256" for --seed: give a whole number of at least 0 and at most 255$/,
    ],
    [["a", "--limit"], /--limit without a value: write --limit ROWS$/],
    [["a", "--limit", "--json"], /--limit without a value/],
    [["a", "--limit", "--seed=1"], /--limit without a value/],
    [["a", "--limit", "-h"], /--limit without a value/],
    [["a", "--limit="], /--limit without a value/],
    [
      ["a", "--out-folder", "-my dash"],
      /"-my dash" for --out-folder as it begins with a dash: write --out-folder='-my dash'$/,
    ],
    [["a", "--tolerance", "-.5"], /"-.5" for --tolerance: give a number above 0$/],
    [["a", "--tolerance", "0"], /give a number above 0$/],
    ...["NaN", "Infinity", " ", "0x1", " 1e-3 ", "1e", ".", "1_000"].map((
      text,
    ): [string[], RegExp] => [["a", "--tolerance", text], /give a number above 0$/]),
    [["a", "--metric", "acuracy"], /did you mean "accuracy"\?$/],
    [["a", "--metric", "r2"], /choose from accuracy, macro-f1$/],
    [["a", "--sites", "hidden,"], /"hidden," for --sites/],
    [["a", "--sites", "hidden,hidden,bogus"], /"bogus" for --sites: choose from hidden, activ/],
    [["a", "--json=yes"], /"yes" for --json: it takes no value$/],
    [["a", "--outFolder", "x"], /"--outFolder": did you mean "--out-folder"\?$/],
    [["a", "-quite bad"], /"-quite bad": run .* put "--" before an argument/],
    [["a", "--__proto__"], /Unknown option "--__proto__"/],
  ];
  for (const [args, message] of cases) {
    assert.throws(() => parse(...args), (error) => {
      assert.ok(error instanceof UsageError, `${args}: ${error}`);
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("parseArguments() reads decimal numbers, with an exponent or without", () => {
  const numbers = { "2": 2, "+2.": 2, ".5": 0.5, "0.5": 0.5, "1e-3": 1e-3, "1.5E+2": 150 };
  for (const [text, number] of Object.entries(numbers)) {
    assert.equal(parse("a", "--tolerance", text)["tolerance"], number);
  }
});

Deno.test("parseArguments() asks for no arguments where help is wanted", () => {
  assert.equal(parseArguments(command, ["--help"]).help, true);
  assert.equal(parseArguments(command, ["-h"]).help, true);
});

Deno.test("commandHelp() shows what is declared", () => {
  const help = commandHelp(command);
  assert.match(help, /^Usage: spindle sort INPUT-FILE \[OTHERS\.\.\.\] \[options\]$/m);
  assert.match(help, /^ {2}--limit ROWS {2,}At most so many$/m);
  assert.match(help, /^ {2}--metric accuracy\|macro-f1 {2,}The score$/m);
  assert.match(help, /^ {2}--sites hidden,activation {2,}The states \(default: hidden\)$/m);
  assert.match(help, /^ {2}--tolerance N {2,}When to stop \(default: 0\.0001\)$/m);
  assert.match(help, /^ {2}spindle sort a b$/m);
});
