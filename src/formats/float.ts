/** Converts the bits of 16-bit IEEE floats to 32-bit floats; every value is kept exactly. */
export function float16ToFloat32(bits: Uint16Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  return new Float32Array(new Float16Array(bits.buffer, bits.byteOffset, bits.length));
}

/** Converts the bits of bfloat16 numbers to 32-bit floats: they are their upper halves. */
export function bfloat16ToFloat32(bits: Uint16Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const result = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) result[i] = bits[i]! << 16;
  return new Float32Array(result.buffer);
}

/** Rounds 32-bit floats to the bits of 16-bit IEEE floats; too large ones become infinite. */
export function float32ToFloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  return new Uint16Array(new Float16Array(values).buffer);
}

/** Rounds 32-bit floats to the bits of bfloat16 numbers, ties to even. */
export function float32ToBfloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const result = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i]!;
    const tie = (word >>> 16) & 1;
    // Rounding could carry a NaN's bits over to infinity or zero, so a NaN keeps its top bits.
    result[i] = Number.isNaN(values[i]) ? (word >>> 16) | 0x40 : (word + 0x7fff + tie) >>> 16;
  }
  return result;
}
