import { SpindleError } from "../../util.ts";
import { bfloat16ToFloat32 } from "../float.ts";
import { findTensor, type RowRange, type TensorSource } from "./reader.ts";

/**
 * Reads a tensor of any float type as 32-bit floats.
 *
 * @param source Where the tensor lies.
 * @param name The tensor's name.
 * @param rows Rows along its first dimension; all where not given.
 * @returns The values, row by row.
 * @throws {SpindleError} Where there is no such tensor, it does not hold floats, or a finite value
 * is too large for 32 bits.
 */
export function readFloats(
  source: TensorSource,
  name: string,
  rows?: RowRange,
): Float32Array<ArrayBuffer> {
  const { dtype } = findTensor(source, name);
  switch (dtype) {
    case "F32":
      return new Float32Array(source.readBytes(name, rows).buffer);
    case "F16":
      return new Float32Array(new Float16Array(source.readBytes(name, rows).buffer));
    case "BF16":
      return bfloat16ToFloat32(new Uint16Array(source.readBytes(name, rows).buffer));
    case "F64":
      return narrow(source, name, new Float64Array(source.readBytes(name, rows).buffer));
    default:
      throw refuseValues("floats", source, name, `it holds ${dtype}: a float type is needed`);
  }
}

/** What is wrong with a tensor that is to be read as numbers of a kind, and what to do about it. */
function refuseValues(
  kind: "floats" | "integers",
  { path }: TensorSource,
  name: string,
  reason: string,
): SpindleError {
  return new SpindleError(
    `Cannot read ${kind} from tensor ${JSON.stringify(name)} of "${path}" as ${reason}`,
  );
}

function narrow(
  source: TensorSource,
  name: string,
  values: Float64Array,
): Float32Array<ArrayBuffer> {
  const floats = new Float32Array(values);
  const beyond = values.findIndex((value, i) =>
    Number.isFinite(value) && !Number.isFinite(floats[i])
  );
  if (beyond < 0) return floats;
  const reason = `${values[beyond]} is too large for float32: scale it down`;
  throw refuseValues("floats", source, name, reason);
}

/**
 * Reads a tensor of any float type like {@linkcode readFloats}, one of 64 bits as it is.
 *
 * @throws {SpindleError} Where there is no such tensor or it does not hold floats.
 */
export function readExactFloats(
  source: TensorSource,
  name: string,
  rows?: RowRange,
): Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer> {
  return findTensor(source, name).dtype === "F64"
    ? new Float64Array(source.readBytes(name, rows).buffer)
    : readFloats(source, name, rows);
}

/**
 * Reads a tensor of any integer type as 32-bit integers.
 *
 * @param source Where the tensor lies.
 * @param name The tensor's name.
 * @returns The values, row by row.
 * @throws {SpindleError} Where there is no such tensor, it holds floats, or a value needs more
 * bits.
 */
export function readIntegers(source: TensorSource, name: string): Int32Array<ArrayBuffer> {
  const { dtype } = findTensor(source, name);
  const refuse = (reason: string) => refuseValues("integers", source, name, reason);
  const { buffer } = source.readBytes(name);
  const narrow = (values: ArrayLike<number | bigint>) => {
    const result = new Int32Array(values.length);
    for (let i = 0; i < values.length; i++) {
      const value = Number(values[i]);
      if (value !== (value | 0)) {
        throw refuse(`${values[i]} does not fit in 32 bits: give smaller ones`);
      }
      result[i] = value;
    }
    return result;
  };
  switch (dtype) {
    case "I64":
      return narrow(new BigInt64Array(buffer));
    case "U64":
      return narrow(new BigUint64Array(buffer));
    case "U32":
      return narrow(new Uint32Array(buffer));
    case "I32":
      return new Int32Array(buffer);
    case "I16":
      return new Int32Array(new Int16Array(buffer));
    case "U16":
      return new Int32Array(new Uint16Array(buffer));
    case "I8":
      return new Int32Array(new Int8Array(buffer));
    case "U8":
    case "BOOL":
      return new Int32Array(new Uint8Array(buffer));
    default:
      throw refuse(`it holds ${dtype}: an integer type is needed`);
  }
}
