import {
  allUints,
  type Dispatch,
  type MatrixOperand,
  matrixOperands,
  paramBytes,
} from "./dispatch.ts";

/** What the host puts in front of the code of a dispatch. */
export function preamble(dispatch: Dispatch): string {
  const uints = Object.keys(allUints(dispatch)).map((name) => `${name}: u32,`);
  const floats = Object.keys(dispatch.floats ?? {}).map((name) => `${name}: f32,`);
  const fields = [...uints, ...floats];
  const constants = Object.entries(dispatch.constants ?? {}).map(([name, value]) =>
    `const ${name} = ${value}u;\n`
  );
  const operands = matrixOperands(dispatch);
  const buffers = Object.entries(dispatch.buffers ?? {}).map(([name, { type, access }], i) =>
    `@group(0) @binding(${1 + operands.length + i}) var<storage, ${access}> ${name}: ${type};\n`
  );
  const params = fields.length
    ? `struct Params { ${fields.join(" ")} }\n` +
      "@group(0) @binding(0) var<uniform> uniforms: Params;\nvar<private> params: Params;\n"
    : "";
  return constants.join("") + params +
    operands.map((operand, i) => accessor(operand, i + 1)).join("") + buffers.join("");
}

/**
 * The code of a dispatch, whose entry point reads the uniform before anything else: Mesa's software
 * driver reads it lane by lane wherever it is named, in a loop each time. Functions see a private
 * copy, and the entry point a local one, for a private variable may differ between invocations and
 * so may not decide which of them come to a barrier.
 */
export function readParamsOnce(dispatch: Dispatch): string {
  if (paramBytes(dispatch).length === 0) return dispatch.code;
  const copies = "params = uniforms;\n  let params = uniforms;";
  return dispatch.code.replace(/fn main\([^{]*\{/, (head) => `${head}\n  ${copies}`);
}

function accessor({ name, matrix, access }: MatrixOperand, binding: number): string {
  const at = `@group(0) @binding(${binding}) var`;
  const half = matrix.precision === "f16";
  if (matrix.memory instanceof GPUTexture) {
    const type = `texture_storage_2d<rgba${half ? 16 : 32}float, ${access}>`;
    return `${at} ${name}_texture: ${type};\n` +
      (access === "read"
        ? `fn load_${name}(row: u32, k: u32) -> vec4f { return textureLoad(${name}_texture, vec2u(row, k)); }\n`
        : `fn store_${name}(row: u32, k: u32, value: vec4f) { textureStore(${name}_texture, vec2u(row, k), value); }\n`);
  }
  const place = `${name}_buffer[k * params.${name}_stride + row]`;
  if (access === "read") {
    const type = half ? "array<vec2u>" : "array<vec4f>";
    const value = half ? "vec4f(unpack2x16float(v.x), unpack2x16float(v.y))" : "v";
    return `${at}<storage, read> ${name}_buffer: ${type};\n` +
      `fn load_${name}(row: u32, k: u32) -> vec4f { let v = ${place}; return ${value}; }\n`;
  }
  return `${at}<storage, read_write> ${name}_buffer: array<vec4f>;\n` +
    `fn store_${name}(row: u32, k: u32, value: vec4f) {\n` +
    `  if ((row < params.${name}_stride) & (k < params.${name}_texels)) { ${place} = value; }\n}\n`;
}
