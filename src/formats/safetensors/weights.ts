import { join } from "node:path";
import { SpindleError } from "../../util.ts";
import { exists } from "../files.ts";
import { isJsonObject, readJsonObject } from "../json.ts";
import type { TensorInfo } from "./header.ts";
import { findTensor, openSafetensors, type SafetensorsFile, type TensorSource } from "./reader.ts";

/** The name of the file that holds the weights of a model. */
export const weightsName = "model.safetensors";
/** The name of the file that tells, where there are several, which tensor lies in which. */
export const indexName = "model.safetensors.index.json";

/**
 * The files that hold the weights of a model folder.
 *
 * @throws {SpindleError} Where there are none, or the list of shards is broken.
 */
export function weightFiles(folder: string): string[] {
  if (exists(join(folder, weightsName))) return [weightsName];
  const index = join(folder, indexName);
  if (!exists(index)) throw noWeights(folder);
  return [...new Set(readWeightMap(index).values())];
}

function noWeights(folder: string): SpindleError {
  return new SpindleError(
    `Cannot load a model from "${folder}" as it holds neither ${weightsName} nor ${indexName}: ` +
      `check the path, or save its weights in the safetensors format`,
  );
}

/**
 * Opens the weights of a model folder: `model.safetensors`, or the shards that
 * `model.safetensors.index.json` lists.
 *
 * @param folder The model's folder.
 * @returns The tensors: dispose them when done.
 * @throws {SpindleError} Where there are no weights or a file is not as the format wants it.
 */
export function openModelWeights(folder: string): TensorSource {
  const weights = join(folder, weightsName);
  if (exists(weights)) return openSafetensors(weights);
  const index = join(folder, indexName);
  if (exists(index)) return openShards(folder, index);
  throw noWeights(folder);
}

function openShards(folder: string, path: string): TensorSource {
  const shards = new Map<string, SafetensorsFile>();
  const close = () => shards.forEach((shard) => shard[Symbol.dispose]());
  try {
    const shardOf = new Map<string, SafetensorsFile>();
    const tensors = new Map<string, TensorInfo>();
    for (const [name, shardName] of readWeightMap(path)) {
      const shard = shards.get(shardName) ?? openSafetensors(join(folder, shardName));
      shards.set(shardName, shard);
      shardOf.set(name, shard);
      tensors.set(name, findTensor(shard, name));
    }
    return {
      path,
      tensors,
      readBytes(name, rows) {
        findTensor(this, name);
        return shardOf.get(name)!.readBytes(name, rows);
      },
      [Symbol.dispose]: close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** The name of the shard in which each tensor lies. */
function readWeightMap(path: string): Map<string, string> {
  const weightMap = readJsonObject(path)["weight_map"];
  if (!isJsonObject(weightMap)) {
    throw new SpindleError(
      `Cannot read "${path}" as it has no "weight_map": an object from tensor to file is needed`,
    );
  }
  return new Map(
    Object.entries(weightMap).map(([tensor, shard]) => {
      requireShardName(path, tensor, shard);
      return [tensor, shard];
    }),
  );
}

function requireShardName(path: string, tensor: string, name: unknown): asserts name is string {
  const isPlain = typeof name === "string" && name.endsWith(".safetensors") &&
    !/[/\\\0]|\.\./.test(name);
  if (!isPlain) {
    throw new SpindleError(
      `Cannot read "${path}" as it places tensor ${JSON.stringify(tensor)} in ` +
        `${JSON.stringify(name)}: the plain name of a .safetensors file is needed`,
    );
  }
}
