/** An option of a command, as data: `--help` and the checks of its value are made from it. */
export type Option =
  /** On or off. */
  | { readonly type: "flag"; readonly description: string }
  /** Any text, such as a file name. */
  | Valued<"text", string>
  /** A whole number of at least `minimum`, 1 unless told, and at most `maximum`. */
  | Valued<"integer", number> & { readonly minimum?: number; readonly maximum?: number }
  /** A number above 0, or within other bounds. */
  | Valued<"number", number> & { readonly minimum?: number; readonly maximum?: number }
  /** One of a few words. */
  | Valued<"choice", string> & { readonly choices: readonly string[] }
  /** Some of a few words, with commas between. */
  | Valued<"choices", readonly string[]> & { readonly choices: readonly string[] };

interface Valued<Type, Value> {
  readonly type: Type;
  /** What `--help` shows in the place of the value; made from the choices where there are some. */
  readonly value?: string;
  readonly description: string;
  /** The value where the option is not given; without one it is then undefined. */
  readonly default?: Value;
}

/** An argument of a command that is told by its place. */
export interface Positional {
  readonly description: string;
  /** How many there are; `any` only in the last place. */
  readonly count: "one" | "optional" | "any";
}

type Options = Readonly<Record<string, Option>>;
type Positionals = Readonly<Record<string, Positional>>;

/** A command, with its arguments and options by their names in camelCase. */
export interface Command {
  readonly name: string;
  /** What it does, in one line. */
  readonly summary: string;
  readonly positionals: Positionals;
  readonly options: Options;
  /** A call that works, without the program's name. */
  readonly example: string;
  /**
   * Runs the command.
   *
   * @param args The values of its arguments and options.
   * @returns The exit code, 0 where none is given.
   */
  run(args: Readonly<Record<string, unknown>>): Promise<number | void>;
}

type Base<O> = O extends { type: "flag" } ? boolean
  : O extends { type: "text" } ? string
  : O extends { type: "integer" | "number" } ? number
  : O extends { type: "choice"; choices: readonly (infer Choice)[] } ? Choice
  : O extends { type: "choices"; choices: readonly (infer Choice)[] } ? readonly Choice[]
  : never;

type OptionValue<O> = O extends { type: "flag" } | { default: unknown } ? Base<O>
  : Base<O> | undefined;

type PositionalValue<P> = P extends { count: "one" } ? string
  : P extends { count: "optional" } ? string | undefined
  : readonly string[];

/** The values that a command's `run` is given, typed by what the command declares. */
export type Arguments<O, P> =
  & { readonly [Name in keyof O]: OptionValue<O[Name]> }
  & { readonly [Name in keyof P]: PositionalValue<P[Name]> };

/** Declares a command: the values that its `run` is given get their types from the declaration. */
export function defineCommand<const O extends Options, const P extends Positionals>(
  command: Omit<Command, "options" | "positionals" | "run"> & {
    readonly options: O;
    readonly positionals: P;
    run(args: Arguments<O, P>): Promise<number | void>;
  },
): Command {
  return command;
}
