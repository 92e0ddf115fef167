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
export { readExactFloats, readFloats, readIntegers } from "./safetensors/values.ts";
export { indexName, openModelWeights, weightFiles, weightsName } from "./safetensors/weights.ts";
export {
  safetensorsFile,
  safetensorsHeader,
  type TensorData,
  writeSafetensors,
} from "./safetensors/writer.ts";
