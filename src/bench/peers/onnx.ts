/** Writes the ONNX models that the bench needs, each of one node. */

/** The number of the element type. */
const float32 = 1;
/** The number of the attribute type. */
const integer = 2;

/**
 * A model whose only node is a matrix product.
 *
 * @param w Row-major `[inputs, outputs]`.
 * @returns The bytes of the model, with the input `x [rows, inputs]` and the output `y`.
 */
export function matmulModel(
  w: Float32Array<ArrayBuffer>,
  rows: number,
  inputs: number,
  outputs: number,
): Uint8Array<ArrayBuffer> {
  const constant = [
    number(1, inputs),
    number(1, outputs),
    number(2, float32),
    text(8, "w"),
    field(9, new Uint8Array(w.buffer, w.byteOffset, w.byteLength)),
  ];
  return model({
    node: [text(1, "x"), text(1, "w"), text(2, "y"), text(4, "MatMul")],
    constants: [constant],
    inputs: [tensor("x", [rows, inputs])],
    output: tensor("y", [rows, outputs]),
  });
}

/**
 * A model whose only node is onnxruntime's own `MultiHeadAttention`.
 *
 * @param shape Of the inputs `query`, `key` and `value` and of the output `y`: `[sentences, tokens,
 * width]`.
 */
export function attentionModel(
  shape: readonly number[],
  heads: number,
): Uint8Array<ArrayBuffer> {
  const names = ["query", "key", "value"];
  const headCount = [text(1, "num_heads"), number(3, heads), number(20, integer)];
  return model({
    node: [
      ...names.map((name) => text(1, name)),
      text(2, "y"),
      text(4, "MultiHeadAttention"),
      message(5, headCount),
      text(7, "com.microsoft"),
    ],
    constants: [],
    inputs: names.map((name) => tensor(name, shape)),
    output: tensor("y", shape),
  });
}

function model({ node, constants, inputs, output }: {
  node: Uint8Array[];
  constants: Uint8Array[][];
  inputs: Uint8Array[][];
  output: Uint8Array[];
}): Uint8Array<ArrayBuffer> {
  const graph = [
    message(1, node),
    text(2, "graph"),
    ...constants.map((constant) => message(5, constant)),
    ...inputs.map((input) => message(11, input)),
    message(12, output),
  ];
  return concatenate([
    number(1, 8),
    message(8, [text(1, ""), number(2, 17)]),
    message(8, [text(1, "com.microsoft"), number(2, 1)]),
    message(7, graph),
  ]);
}

function tensor(name: string, shape: readonly number[]): Uint8Array[] {
  const dimensions = shape.map((size) => message(1, [number(1, size)]));
  return [
    text(1, name),
    message(2, [message(1, [number(1, float32), message(2, dimensions)])]),
  ];
}

/** Protocol buffers: a field is its number and kind, and where it has one its length. */
function number(id: number, value: number): Uint8Array {
  return concatenate([varint(id << 3), varint(value)]);
}

function text(id: number, value: string): Uint8Array {
  return field(id, new TextEncoder().encode(value));
}

function message(id: number, parts: readonly Uint8Array[]): Uint8Array {
  return field(id, concatenate(parts));
}

function field(id: number, bytes: Uint8Array): Uint8Array {
  return concatenate([varint(id << 3 | 2), varint(bytes.length), bytes]);
}

function varint(value: number): Uint8Array {
  const bytes = [];
  while (value > 127) {
    bytes.push(value % 128 | 128);
    value = Math.floor(value / 128);
  }
  return Uint8Array.from([...bytes, value]);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
