import type { Matrix } from "../gpu/matrix.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { unroll } from "./code.ts";
import { cachedCode } from "./code_cache.ts";

/** A norm's weights, `[1, width]` each; the bias is zero where a family has none. */
export interface NormWeights {
  readonly gain: Matrix;
  readonly bias: Matrix;
}

/**
 * Records the norm of each row of `x` into `y`: `(x - mean) / sqrt(variance + epsilon) * gain +
 * bias` for a layer norm, `x / sqrt(mean of squares + epsilon) * gain + bias` for an RMS norm.
 *
 * @param x `[rows, width]`.
 * @param y `[rows, width]`; its first `rows` rows are written.
 */
export function norm(
  recorder: Recorder,
  kind: "layer" | "rms",
  x: Matrix,
  { gain, bias }: NormWeights,
  y: Matrix,
  rows: number,
  epsilon: number,
): void {
  const { lanes, adapter: { software } } = recorder.gpu;
  // On a processor the rows of a lane share its loads of weights; a GPU wants many lanes.
  const height = software && rows >= 8 * lanes ? 4 : 1;
  recorder.dispatch({
    label: `${kind} norm`,
    code: cachedCode(["norm", kind, lanes, height], () => normCode(kind, lanes, height)),
    reads: { x, gain, bias },
    writes: { y },
    writtenRows: rows,
    uints: { rows, width: x.cols },
    floats: { epsilon },
    workgroups: [Math.ceil(rows / (lanes * height))],
  });
}

/** Lanes run along the rows, of which each has `height`, a workgroup's width apart. */
function normCode(kind: "layer" | "rms", lanes: number, height: number): string {
  const each = (line: (r: number) => string) => unroll(height, line);
  const means = `
  ${each((r) => `var sum${r} = vec4f(0.0);`)}
  for (var k = 0u; k < texels; k++) {
    ${each((r) => `sum${r} += load_x(row${r}, k);`)}
  }
  ${each((r) => `let mean${r} = dot(sum${r}, vec4f(1.0)) / f32(params.width);`)}`;
  return `
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let texels = (params.width + 3u) / 4u;
  ${each((r) => `let row${r} = (group.x * ${height}u + ${r}u) * ${lanes}u + lane;`)}
  ${kind === "layer" ? means : each((r) => `let mean${r} = 0.0;`)}
  ${each((r) => `var squares${r} = vec4f(0.0);`)}
  for (var k = 0u; k < texels; k++) {
    let is_column = 4u * k + vec4u(0u, 1u, 2u, 3u) < vec4u(params.width);
    let mask = select(vec4f(0.0), vec4f(1.0), is_column);
    ${each((r) => `let x${r} = (load_x(row${r}, k) - mean${r}) * mask;`)}
    ${each((r) => `squares${r} += x${r} * x${r};`)}
  }
  ${
    each((r) =>
      `let scale${r} = inverseSqrt(dot(squares${r}, vec4f(1.0)) / f32(params.width) + params.epsilon);`
    )
  }
  // What is stored in a row that is not there is dropped.
  ${each((r) => `let out${r} = select(0xffffffffu, row${r}, row${r} < params.rows);`)}
  for (var k = 0u; k < texels; k++) {
    // Zero beyond the last column, as is the bias.
    let gain = load_gain(0u, k);
    let bias = load_bias(0u, k);
    ${
    each((r) => `store_y(out${r}, k, (load_x(row${r}, k) - mean${r}) * scale${r} * gain + bias);`)
  }
  }
}
`;
}
