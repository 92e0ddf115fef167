import { commonOptions, kebabCase, placeholder } from "./arguments.ts";
import type { Command, Option, Positional } from "./command.ts";

const mostColumns = 100;

/** The text that `spindle --help` prints. */
export function programHelp(commands: readonly Command[]): string {
  return [
    "Finds the few neurons inside a language model that already know the answer, and builds a",
    "text classifier from them.",
    "",
    "Usage: spindle COMMAND [arguments] [options]",
    "",
    "Commands:",
    ...table(commands.map(({ name, summary }) => [name, summary])),
    "",
    'Run "spindle COMMAND --help" for what a command takes, "spindle --version" for the version.',
    'Where spindle is not installed, "deno run -P cli.ts" stands for it.',
  ].join("\n");
}

/** The text that `spindle COMMAND --help` prints. */
export function commandHelp(command: Command): string {
  const { name, summary, example } = command;
  const positionals = Object.entries(command.positionals);
  const options = Object.entries({ ...command.options, ...commonOptions });
  const usage = ["spindle", name, ...positionals.map(positionalUsage), "[options]"];
  return [
    summary,
    "",
    `Usage: ${usage.join(" ")}`,
    ...(positionals.length > 0 ? ["", "Arguments:"] : []),
    ...table(positionals.map(([key, { description }]) => [upperCase(key), description])),
    "",
    "Options:",
    ...table(options.map(optionRow)),
    "",
    "Example:",
    `  spindle ${example}`,
  ].join("\n");
}

function positionalUsage([key, { count }]: [string, Positional]): string {
  const name = upperCase(key);
  const forms = { one: name, optional: `[${name}]`, any: `[${name}...]` };
  return forms[count];
}

function upperCase(key: string): string {
  return kebabCase(key).toUpperCase();
}

function optionRow([key, option]: [string, Option]): [string, string] {
  const name = `--${kebabCase(key)} ${placeholder(option)}`.trimEnd();
  if (option.type === "flag" || option.default === undefined) return [name, option.description];
  return [name, `${option.description} (default: ${option.default})`];
}

/** Rows of two columns, the second one wrapped. */
function table(rows: readonly [string, string][]): string[] {
  const indent = Math.max(0, ...rows.map(([left]) => left.length)) + 4;
  return rows.flatMap(([left, right]) =>
    wrap(right, mostColumns - indent).map((line, i) =>
      (i === 0 ? `  ${left}` : "").padEnd(indent) + line
    )
  );
}

function wrap(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!;
    if (line === "") lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
