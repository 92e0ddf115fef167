import { isJsonObject, type JsonObject, readJsonObject } from "../formats/json.ts";
import type { Activation } from "../ops/linear.ts";
import { SpindleError } from "../util.ts";

/** Checked access to config.json, where null is the same as absent. */
export interface Config {
  /** The file. */
  readonly path: string;
  /** Whether it says anything of this. */
  has(name: string): boolean;
  /** Whether it says null of this, which a few settings tell from absent. */
  isNull(name: string): boolean;
  /** A finite number. */
  number(name: string, fallback?: number): number;
  /** A whole number from 1 to {@linkcode largestCount}. */
  count(name: string, fallback?: number): number;
  /** True or false. */
  boolean(name: string, fallback?: boolean): boolean;
  /** A string. */
  string(name: string, fallback?: string): string;
  /** An object inside; undefined where there is none or nothing in it. */
  object(name: string): Config | undefined;
  /** A list of strings; undefined where there is none. */
  strings(name: string): readonly string[] | undefined;
  /** A list of finite numbers. */
  numbers(name: string): readonly number[];
}

/** No model has as many of anything; more would only exhaust the memory. */
const largestCount = 2 ** 24;

/**
 * Opens a config.json.
 *
 * @throws {SpindleError} If it is missing or not a JSON object.
 */
export function readConfig(path: string): Config {
  return configOf(path, readJsonObject(path));
}

function configOf(path: string, json: JsonObject): Config {
  const refuse = (name: string, wanted: string) =>
    new SpindleError(
      `Cannot read "${path}" as "${name}" is ${JSON.stringify(json[name])}: it must be ${wanted}`,
    );
  const find = (name: string) => Object.hasOwn(json, name) ? json[name] ?? undefined : undefined;
  const get = <T>(
    name: string,
    wanted: string,
    is: (value: unknown) => value is T,
    fallback?: T,
  ): T => {
    const value = find(name) ?? fallback;
    if (value === undefined) {
      throw new SpindleError(`Cannot read "${path}" as it lacks "${name}": ${wanted} is needed`);
    }
    if (is(value)) return value;
    throw refuse(name, wanted);
  };
  return {
    path,
    has: (name) => find(name) !== undefined,
    isNull: (name) => Object.hasOwn(json, name) && json[name] === null,
    number: (name, fallback) => get(name, "a finite number", isNumber, fallback),
    count: (name, fallback) =>
      get(name, `a whole number from 1 to ${largestCount}`, isCount, fallback),
    boolean: (name, fallback) => get(name, "true or false", isBoolean, fallback),
    string: (name, fallback) => get(name, "a string", isString, fallback),
    object: (name) => {
      const inside = get(name, "an object", isJsonObject, {});
      return Object.keys(inside).length > 0 ? configOf(path, inside) : undefined;
    },
    strings: (name) => {
      if (find(name) === undefined) return undefined;
      return get(name, "a list of strings", isStrings);
    },
    numbers: (name) => get(name, "a list of finite numbers", isNumbers),
  };
}

const isNumber = (value: unknown): value is number => Number.isFinite(value);
const isCount = (value: unknown): value is number =>
  isNumber(value) && value > 0 && value <= largestCount && value % 1 === 0;
const isBoolean = (value: unknown): value is boolean => typeof value === "boolean";
const isString = (value: unknown): value is string => typeof value === "string";
const isStrings = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every(isString);
const isNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every(isNumber);

/**
 * Reads a setting of which only some values are supported.
 *
 * @throws {SpindleError} If it has another value.
 */
export function choiceOf<const T extends string>(
  config: Config,
  name: string,
  choices: readonly T[],
  fallback: NoInfer<T>,
): T {
  const value = config.string(name, fallback);
  const choice = choices.find((choice) => choice === value);
  if (choice !== undefined) return choice;
  throw new SpindleError(
    `Cannot load "${config.path}" as its ${name} "${value}" is not supported: ` +
      `the supported ones are ${choices.join(", ")}`,
  );
}

/**
 * Checks a setting of which only one value is supported, the one where nothing is said of it.
 *
 * @throws {SpindleError} If it has the other value.
 */
export function requireBoolean(config: Config, name: string, wanted: boolean): void {
  if (config.boolean(name, wanted) === wanted) return;
  throw new SpindleError(
    `Cannot load "${config.path}" as its ${name} is ${!wanted}: only ${wanted} is supported`,
  );
}

/**
 * Other names of an embedding that shares its weights with a head.
 *
 * @param head The name of the head's weights.
 * @param fallback Whether they are shared where config.json does not say so.
 */
export function tiedNames(config: Config, head: string, fallback: boolean): string[] {
  return config.boolean("tie_word_embeddings", fallback) ? [head] : [];
}

const activations: Record<string, Activation> = {
  gelu: "gelu",
  gelu_python: "gelu",
  gelu_new: "gelu_tanh",
  gelu_fast: "gelu_tanh",
  gelu_accurate: "gelu_tanh",
  gelu_python_tanh: "gelu_tanh",
  gelu_pytorch_tanh: "gelu_tanh",
  relu: "relu",
  silu: "silu",
  swish: "silu",
};

/**
 * Finds an activation by its name in the reference library.
 *
 * @throws {SpindleError} If there is no kernel for it.
 */
export function activationOf(config: Config, name: string): Activation {
  if (Object.hasOwn(activations, name)) return activations[name]!;
  throw new SpindleError(
    `Cannot load "${config.path}" as its activation "${name}" is not supported: ` +
      `the supported ones are ${Object.keys(activations).join(", ")}`,
  );
}
