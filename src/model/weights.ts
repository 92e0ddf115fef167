import { bfloat16ToFloat32 } from "../formats/float.ts";
import { findTensor, readFloats, type TensorSource } from "../formats/safetensors.ts";
import { SpindleError } from "../util.ts";
import { type HostMatrix, viewWeight } from "./host_matrix.ts";
import type { ModelSpec, TensorRef, WeightRefs } from "./spec.ts";

/** A table of rows on the host, in the precision in which it is stored. */
export interface HostTable {
  /** How many rows there are. */
  readonly rows: number;
  /** Numbers of a row. */
  readonly width: number;
  /** Reads a row in float32 into an array of that width. */
  read(index: number, into: Float32Array): void;
}

/** Reads the tensors of a checkpoint by the references of its family. */
export class WeightReader {
  readonly #prefix: string;
  readonly source: TensorSource;
  /** What was read and not released, by name: several weights may be parts of one tensor. */
  readonly #held = new Map<string, Float32Array<ArrayBuffer> | Float16Array<ArrayBuffer>>();

  /**
   * @throws {SpindleError} If the checkpoint lacks a tensor or holds one that has no place in the
   * model.
   */
  constructor(stored: TensorSource, spec: ModelSpec, refs: WeightRefs) {
    const source = withTodaysNames(stored);
    this.source = source;
    const first = [...refsIn(refs.embedding), ...refsIn(refs.stacks[0]!.block(0))];
    this.#prefix =
      ["", ...refs.prefixes].find((prefix) =>
        first.some(({ name }) => source.tensors.has(prefix + name))
      ) ?? "";
    const wanted = new Set<string>();
    for (const ref of tensorRefs(spec, refs)) {
      const name = this.nameOf(ref);
      findTensor(source, name);
      wanted.add(name);
    }
    const known = (name: string) =>
      wanted.has(name) || refs.ignored.test(name) ||
      (name.startsWith(this.#prefix) && refs.ignored.test(name.slice(this.#prefix.length)));
    const surplus = [...source.tensors.keys()].filter((name) => !known(name));
    if (surplus.length === 0) return;
    const more = surplus.length > 1 ? ` and ${surplus.length - 1} more` : "";
    throw new SpindleError(
      `Cannot load "${source.path}" as its tensor "${surplus[0]}"${more} has no place in the ` +
        "model that config.json describes: check that the two belong together",
    );
  }

  /** The name of a tensor in this checkpoint. */
  nameOf({ name, or = [] }: TensorRef): string {
    const usual = this.#prefix + name;
    // A head is named without the prefix, a part of the model with it.
    const names = [usual, ...or.flatMap((other) => [this.#prefix + other, other])];
    return names.find((each) => this.source.tensors.has(each)) ?? usual;
  }

  /**
   * Reads a weight `[rows, cols]`, rows being the outputs of a linear layer.
   *
   * @throws {SpindleError} If the tensor has another shape.
   */
  matrix(ref: TensorRef, rows: number, cols: number): HostMatrix {
    const all = rows * (ref.part?.of ?? 1);
    const data = this.#read(ref, ref.transposed ? [cols, all] : [all, cols]);
    return viewWeight(data, ref, rows, cols);
  }

  /** Reads a bias or a gain as a matrix `[1, size]`. */
  vector(ref: TensorRef, size: number): HostMatrix {
    const data = this.#read(ref, [size * (ref.part?.of ?? 1)]);
    const { rowStarts } = viewWeight(data, ref, size, 1);
    return { data, rowStarts: new Int32Array(1), colOffsets: rowStarts };
  }

  /** Reads a table `[rows, width]`; where `rows` is not given, of any number of rows. */
  table(ref: TensorRef, width: number, rows?: number): HostTable {
    const name = this.nameOf(ref);
    const { dtype, shape } = findTensor(this.source, name);
    const count = rows ?? shape[0] ?? 0;
    this.#requireShape(name, [count, width]);
    const slice = (index: number) => [index * width, (index + 1) * width] as const;
    const base = { rows: count, width };
    if (dtype === "BF16") {
      const data = new Uint16Array(this.source.readBytes(name).buffer);
      const row = (index: number) => bfloat16ToFloat32(data.subarray(...slice(index)));
      return { ...base, read: (index, into) => into.set(row(index)) };
    }
    const data = dtype === "F16"
      ? new Float16Array(this.source.readBytes(name).buffer)
      : readFloats(this.source, name);
    return { ...base, read: (index, into) => into.set(data.subarray(...slice(index))) };
  }

  /**
   * Frees the weights read since the last call, whose matrices can no longer be used: until the
   * garbage collector does it, more memory would be taken than the largest tensor needs.
   */
  release(): void {
    for (const { buffer } of this.#held.values()) buffer.transfer(0);
    this.#held.clear();
  }

  #read(ref: TensorRef, shape: readonly number[]): Float32Array | Float16Array {
    const name = this.nameOf(ref);
    this.#requireShape(name, shape);
    const data = this.#held.get(name) ?? readPlain(this.source, name);
    this.#held.set(name, data);
    return data;
  }

  #requireShape(name: string, shape: readonly number[]): void {
    const found = findTensor(this.source, name).shape;
    if (found.join() === shape.join()) return;
    throw new SpindleError(
      `Cannot load "${this.source.path}" as the tensor "${name}" has the shape ` +
        `[${found.join(", ")}]: config.json asks for [${shape.join(", ")}]`,
    );
  }
}

function readPlain(
  source: TensorSource,
  name: string,
): Float32Array<ArrayBuffer> | Float16Array<ArrayBuffer> {
  const { dtype } = findTensor(source, name);
  if (dtype === "F16") return new Float16Array(source.readBytes(name).buffer);
  if (dtype === "BF16") return widen(source.readBytes(name));
  return readFloats(source, name);
}

/** Makes bfloat16 numbers float32 ones where they lie, the last first. */
function widen({ buffer }: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const wide = buffer.transfer(2 * buffer.byteLength);
  const halves = new Uint16Array(wide);
  const words = new Uint32Array(wide);
  for (let i = words.length - 1; i >= 0; i--) words[i] = halves[i]! << 16;
  return new Float32Array(wide);
}

/** Checkpoints from before 2019, such as BERT's own, name the weights of a LayerNorm otherwise. */
function withTodaysNames(source: TensorSource): TensorSource {
  const rename = (name: string) =>
    name.replace(/LayerNorm\.gamma$/, "LayerNorm.weight")
      .replace(/LayerNorm\.beta$/, "LayerNorm.bias");
  const names = new Map([...source.tensors.keys()].map((name) => [rename(name), name]));
  return {
    ...source,
    tensors: new Map([...names].map(([name, stored]) => [name, findTensor(source, stored)])),
    readBytes: (name, rows) => source.readBytes(names.get(name)!, rows),
  };
}

/**
 * All tensors of a model, those of parts once a part. They come one by one, so that a config.json
 * of a billion blocks fails at the first that is missing.
 */
function* tensorRefs(spec: ModelSpec, { embedding, stacks }: WeightRefs): Generator<TensorRef> {
  yield* [embedding, ...stacks].flatMap(refsIn);
  for (const [stack, { block }] of stacks.entries()) {
    for (let layer = 0; layer < spec.stacks[stack]!.blocks; layer++) yield* refsIn(block(layer));
  }
}

function refsIn(refs: object): TensorRef[] {
  if ("name" in refs) return [refs as TensorRef];
  return Object.values(refs).flatMap((each) =>
    typeof each === "object" && each !== null ? refsIn(each) : []
  );
}
