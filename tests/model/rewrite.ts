import { join } from "node:path";
import {
  openModelWeights,
  readFloats,
  type TensorData,
  writeSafetensors,
} from "../../src/formats/safetensors.ts";

/** Writes a model to another folder, with other settings, other weights or other names of these. */
export function rewriteModel(
  from: string,
  to: string,
  { settings = {}, change = () => {}, rename = (name) => name }: {
    settings?: Record<string, unknown>;
    change?: (name: string, data: Float32Array) => void;
    rename?: (name: string) => string;
  },
): void {
  const config = JSON.parse(Deno.readTextFileSync(join(from, "config.json")));
  Deno.writeTextFileSync(join(to, "config.json"), JSON.stringify({ ...config, ...settings }));
  using source = openModelWeights(from);
  const tensors = new Map<string, TensorData>();
  for (const { name, shape } of source.tensors.values()) {
    const data = readFloats(source, name);
    change(name, data);
    tensors.set(rename(name), { dtype: "F32", shape, data });
  }
  writeSafetensors(join(to, "model.safetensors"), tensors);
}
