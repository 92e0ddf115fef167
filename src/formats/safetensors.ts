export {
  bytesPerElement,
  type Dtype,
  type TensorInfo,
  type TensorLayout,
} from "./safetensors/header.ts";
export {
  findTensor,
  openSafetensors,
  type RowRange,
  type SafetensorsFile,
  type TensorSource,
} from "./safetensors/reader.ts";
export { readFloats, readIntegers } from "./safetensors/values.ts";
export { openModelWeights } from "./safetensors/weights.ts";
export { safetensorsHeader, type TensorData, writeSafetensors } from "./safetensors/writer.ts";
