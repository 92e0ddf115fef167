import { SpindleError } from "../util.ts";
import { isJsonObject, type JsonObject, readJsonObject } from "../formats/json.ts";
import type { Activation } from "../ops/linear.ts";
import type { Config } from "./spec.ts";

/** Opens a config.json. */
export function readConfig(path: string): Config {
  return configOf(path, readJsonObject(path));
}

function configOf(path: string, json: JsonObject): Config {
  const get = <T>(name: string, type: "number" | "boolean" | "string", fallback?: T): T => {
    const value = Object.hasOwn(json, name) ? json[name] : undefined;
    if (value === undefined || value === null) {
      if (fallback !== undefined) return fallback;
      throw new SpindleError(`Cannot read "${path}" as it lacks "${name}"`);
    }
    const found: string = typeof value;
    if (found !== type) {
      throw new SpindleError(
        `Cannot read "${path}" as "${name}" is ${JSON.stringify(value)}: it must be a ${type}`,
      );
    }
    return value as T;
  };
  return {
    path,
    number: (name, fallback) => {
      const value = get("" + name, "number", fallback);
      if (Number.isFinite(value)) return value;
      throw new SpindleError(`Cannot read "${path}" as "${name}" is not a finite number`);
    },
    boolean: (name, fallback) => get(name, "boolean", fallback),
    string: (name, fallback) => get(name, "string", fallback),
    has: (name) => json[name] !== undefined && json[name] !== null,
    object: (name) => {
      const value = json[name];
      return isJsonObject(value) ? configOf(path, value) : undefined;
    },
    list: (name) => {
      const value = json[name];
      return Array.isArray(value) ? value : undefined;
    },
  };
}

const activations: Record<string, Activation> = {
  gelu: "gelu",
  gelu_python: "gelu",
  gelu_new: "gelu_tanh",
  gelu_fast: "gelu_tanh",
  gelu_pytorch_tanh: "gelu_tanh",
  relu: "relu",
  silu: "silu",
  swish: "silu",
};

/**
 * Reads the name of an activation as the reference library spells it.
 *
 * @throws {SpindleError} If there is no kernel for it.
 */
export function activationOf(config: Config, name: string, fallback?: string): Activation {
  const value = config.string(name, fallback);
  const activation = activations[value];
  if (activation) return activation;
  throw new SpindleError(
    `Cannot load "${config.path}" as its activation "${value}" is unknown: ` +
      `the known ones are ${Object.keys(activations).join(", ")}`,
  );
}
