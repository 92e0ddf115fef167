import { parseArgs } from "node:util";
import { shellWord, UsageError } from "../util.ts";
import type { Command, Option } from "./command.ts";
import { nearest } from "./suggest.ts";

/** What was typed after the name of a command. */
interface ParsedArguments {
  readonly help: boolean;
  /** The values by the names that the command declares. */
  readonly values: Readonly<Record<string, unknown>>;
}

/** The options that every command has. */
export const commonOptions: Readonly<Record<string, Option>> = {
  debug: { type: "flag", description: "Show where in the code an error arose" },
  help: { type: "flag", description: "Show this text" },
};

/** The numbers that people write: what JavaScript takes beside them, such as blanks, is a slip. */
const isDecimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * Reads what was typed after the name of a command.
 *
 * @throws {UsageError} Where it is not as the command declares.
 */
export function parseArguments(command: Command, args: string[]): ParsedArguments {
  const declared = { ...command.options, ...commonOptions };
  const names = new Map(Object.keys(declared).map((name) => [kebabCase(name), name]));
  const { tokens } = parseArgs({
    args,
    options: Object.fromEntries([...names].map(([kebab, name]) => [kebab, {
      type: declared[name]!.type === "flag" ? "boolean" : "string",
      ...(name === "help" && { short: "h" }),
    }])),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const typed: Record<string, unknown> = {};
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const name = names.get(token.name);
    if (name === undefined) throw unknownOption(command, args[token.index]!, [...names.keys()]);
    typed[name] = readValue(name, declared[name]!, valueOf(token));
  }
  const help = typed["help"] === true;
  const values = {
    ...Object.fromEntries(
      Object.entries(declared).map(([name, option]) => [
        name,
        typed[name] ?? (option.type === "flag" ? false : option.default),
      ]),
    ),
    ...(help ? {} : placePositionals(command, positionals)),
  };
  return { help, values };
}

/** `maxTokens` to `max-tokens`. */
export function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** What `--help` shows in the place of an option's value. */
export function placeholder(option: Option): string {
  if (option.type === "flag") return "";
  if (option.type === "choice") return option.value ?? option.choices.join("|");
  if (option.type === "choices") return option.value ?? option.choices.join(",");
  return option.value ?? (option.type === "text" ? "TEXT" : "N");
}

function unknownOption(command: Command, typed: string, names: string[]): UsageError {
  const match = nearest(typed.replace(/^--?|=.*$/g, ""), names);
  const dashes = Object.keys(command.positionals).length > 0
    ? ', and put "--" before an argument that begins with a dash'
    : "";
  const advice = match === undefined
    ? `run "spindle ${command.name} --help" for the options${dashes}`
    : `did you mean "--${match}"?`;
  return new UsageError(`Unknown option "${typed}": ${advice}`);
}

/** The word that an option is given; undefined where the next option follows instead. */
function valueOf({ name, value, inlineValue }: {
  readonly name: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}): string | undefined {
  if (value === undefined || inlineValue || /^($|[^-]|-$|-\.?\d)/.test(value)) return value;
  if (value.startsWith("--") || value === "-h") return undefined;
  throw new UsageError(
    `Cannot use "${value}" for --${name} as it begins with a dash: write ` +
      `--${name}=${shellWord(value)}`,
  );
}

function readValue(name: string, option: Option, text: string | undefined): unknown {
  const flag = `--${kebabCase(name)}`;
  if (option.type === "flag") {
    if (text === undefined) return true;
    throw new UsageError(`Cannot use "${text}" for ${flag}: it takes no value`);
  }
  if (text === undefined || text === "") {
    throw new UsageError(
      `Cannot use ${flag} without a value: write ${flag} ${placeholder(option)}`,
    );
  }
  const refuse = (wanted: string, word = text) =>
    new UsageError(`Cannot use "${word}" for ${flag}: ${wanted}`);
  switch (option.type) {
    case "text":
      return text;
    case "integer": {
      const { minimum = 1, maximum = Number.MAX_SAFE_INTEGER } = option;
      const value = /^[+-]?\d+$/.test(text) ? Number(text) : NaN;
      if (value >= minimum && value <= maximum) return value;
      const most = maximum < Number.MAX_SAFE_INTEGER || value > maximum
        ? ` and at most ${maximum}`
        : "";
      throw refuse(`give a whole number of at least ${minimum}${most}`);
    }
    case "number":
      return requireNumber(isDecimal.test(text) ? Number(text) : NaN, option, refuse);
    case "choice":
      return requireChoice(text, option.choices, refuse);
    case "choices":
      return text.split(",").map((word) => requireChoice(word.trim(), option.choices, refuse));
  }
}

function requireNumber(
  value: number,
  { minimum, maximum = Number.MAX_VALUE }: { minimum?: number; maximum?: number },
  refuse: (wanted: string) => UsageError,
): number {
  const enough = minimum === undefined ? value > 0 : value >= minimum;
  if (enough && value <= maximum) return value;
  const above = minimum === undefined ? "above 0" : `of at least ${minimum}`;
  throw refuse(
    `give a number ${above}${maximum < Number.MAX_VALUE ? ` and at most ${maximum}` : ""}`,
  );
}

function requireChoice(
  word: string,
  choices: readonly string[],
  refuse: (wanted: string, word?: string) => UsageError,
): string {
  if (choices.includes(word)) return word;
  const match = nearest(word, choices);
  throw refuse(
    match === undefined ? `choose from ${choices.join(", ")}` : `did you mean "${match}"?`,
    word || undefined,
  );
}

function placePositionals(command: Command, given: string[]): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  const left = [...given];
  for (const [name, { count }] of Object.entries(command.positionals)) {
    const takesOne = count === "one" || count === "optional";
    if (left.length === 0 && count === "one") {
      throw new UsageError(
        `Cannot run ${command.name} without ${kebabCase(name).toUpperCase()}: ` +
          `run "spindle ${command.name} --help" for an example`,
      );
    }
    values[name] = takesOne ? left.shift() : left.splice(0);
  }
  if (left.length > 0) {
    throw new UsageError(
      `Cannot use "${left[0]}" here: run "spindle ${command.name} --help" for the arguments`,
    );
  }
  return values;
}
