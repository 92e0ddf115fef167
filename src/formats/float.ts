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
