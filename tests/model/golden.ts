import { openSafetensors, readFloats, readIntegers } from "../../src/formats/safetensors.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import type { Precision } from "../../src/gpu/matrix.ts";
import { loadModel } from "../../src/model/model.ts";
import { sites } from "../../src/model/states.ts";
import { difference } from "../numbers.ts";

/** What a golden file holds: sentences, and every state's values at their tokens. */
export interface Golden {
  readonly sentences: number[][];
  /** Token states by name, `[tokens, width]`, without the padded positions. */
  readonly states: ReadonlyMap<string, Float32Array>;
}

/** Reads a golden file, whose sentences are padded to the right. */
export function readGolden(path: string): Golden {
  using file = openSafetensors(path);
  const [count = 0, longest = 0] = file.tensors.get("input_ids")!.shape;
  const ids = readIntegers(file, "input_ids"), mask = readIntegers(file, "attention_mask");
  const real = [...mask.keys()].filter((at) => mask[at] === 1);
  const sentences = Array.from(
    { length: count },
    (_, i) => real.filter((at) => Math.floor(at / longest) === i).map((at) => ids[at]!),
  );
  const names = [...file.tensors.keys()].filter((name) =>
    /(hidden|activation|neuron)\.\d+$/.test(name)
  );
  const states = new Map(names.map((name) => {
    const padded = readFloats(file, name);
    const width = padded.length / (count * longest);
    const rows = new Float32Array(real.length * width);
    real.forEach((at, i) => rows.set(padded.subarray(at * width, (at + 1) * width), i * width));
    return [name, rows];
  }));
  return { sentences, states };
}

/** Runs a model over a golden file's sentences: the largest difference of each state. */
export async function compareWithGolden(
  gpu: Gpu,
  folder: string,
  path = `${folder}/golden.safetensors`,
  weights: Precision = "f32",
): Promise<Map<string, number>> {
  const golden = readGolden(path);
  using model = await loadModel(gpu, folder, { weights });
  const { states } = await model.capture(golden.sentences, { sites });
  return new Map([...golden.states].map(([name, expected]) => {
    const found = states.get(name)?.values.tokens;
    return [name, found ? difference(found, expected) : Infinity];
  }));
}
