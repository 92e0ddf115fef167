/** Converts the bits of bfloat16 numbers to 32-bit floats: they are their upper halves. */
export function bfloat16ToFloat32(bits: Uint16Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const result = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) result[i] = bits[i]! << 16;
  return new Float32Array(result.buffer);
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

/** How the narrower float types round a number. */
const rounding: Readonly<Record<string, (value: number) => number>> = {
  F32: Math.fround,
  F16: Math.f16round,
  BF16: (value) => bfloat16ToFloat32(float32ToBfloat16(Float32Array.of(value)))[0]!,
};

/** A number of a float type as it was written: the shortest decimal that the type rounds to it. */
export function asWritten(value: number, dtype: string): number {
  for (let digits = 1; digits <= 9; digits++) { // nine tell all numbers of 32 bits apart
    const decimal = Number(value.toPrecision(digits));
    if (rounding[dtype]?.(decimal) === value) return decimal;
  }
  return value;
}
