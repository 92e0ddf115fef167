/** Writes the one ONNX model that the bench needs: `y = x w` with a constant `w`. */

const float32 = 1;

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
  const node = [text(1, "x"), text(1, "w"), text(2, "y"), text(4, "MatMul")];
  const constant = [
    number(1, inputs),
    number(1, outputs),
    number(2, float32),
    text(8, "w"),
    field(9, new Uint8Array(w.buffer, w.byteOffset, w.byteLength)),
  ];
  const graph = [
    message(1, node),
    text(2, "matmul"),
    message(5, constant),
    message(11, tensor("x", [rows, inputs])),
    message(12, tensor("y", [rows, outputs])),
  ];
  return concatenate([number(1, 8), message(8, [text(1, ""), number(2, 17)]), message(7, graph)]);
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
