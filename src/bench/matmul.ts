import type { Gpu } from "../gpu/device.ts";
import { createMatrix, uploadMatrix } from "../gpu/matrix.ts";
import { createStorage, uploadStorage } from "../gpu/memory.ts";
import type { Precision } from "../gpu/precision.ts";
import { matmulNumbers, type MatmulShape, productProblem } from "../measure/matmul_problem.ts";
import type { Problem, Variant } from "../measure/problem.ts";
import { linear } from "../ops/linear.ts";
import { matmulSteps, plainMatmul, tiledMatmul } from "./matmul_ladder.ts";

/** Linear layers of small and mid-sized transformers at 512 tokens, and of many tokens. */
export const matmulShapes: readonly MatmulShape[] = [
  [512, 768, 768],
  [512, 3072, 768],
  [512, 768, 3072],
  [4096, 384, 384],
];

/** A matrix product: the linear layer that models run on, and where wanted the ladder to it. */
export function matmulProblem(gpu: Gpu, shape: MatmulShape, ladder: boolean): Problem {
  const numbers = matmulNumbers(shape);
  using onFailure = new DisposableStack();
  const create = { gpu, shape, numbers, owned: onFailure };
  const variants = [
    ...(ladder ? ladderVariants(create) : []),
    { ...linearVariant(create, "linear", "f32"), ...(ladder && lastStep(gpu)) },
    linearVariant(create, "linear, float16 weights", "f16"),
  ];
  return productProblem(shape, numbers, variants, onFailure.move());
}

/** What the linear layer adds to the ladder. */
function lastStep({ subgroups }: Gpu): { lesson: string } {
  return {
    lesson: subgroups
      ? "what models run: the tile that suits the lanes, each of which loads another column's " +
        "weights and hands them to the subgroup"
      : "what models run: the tile that suits the adapter, with activation, bias and residual",
  };
}

interface Creation {
  readonly gpu: Gpu;
  readonly shape: MatmulShape;
  readonly numbers: ReturnType<typeof matmulNumbers>;
  readonly owned: DisposableStack;
}

function linearVariant(creation: Creation, name: string, precision: Precision): Variant {
  const { x, w, y } = createOperands(creation, precision);
  return {
    name,
    record: (recorder) => linear(recorder, x, w, y, x.rows),
    output: y,
  };
}

function createOperands(
  { gpu, shape: [rows, outputs, inputs], numbers, owned }: Creation,
  precision: Precision,
  storage = gpu.storage,
) {
  return {
    x: owned.use(uploadMatrix(gpu, numbers.x, rows, inputs, "x", "f32", storage)),
    w: owned.use(uploadMatrix(gpu, numbers.w, outputs, inputs, "w", precision, storage)),
    y: owned.use(createMatrix(gpu, rows, outputs, "y", "f32", storage)),
  };
}

function ladderVariants(creation: Creation): Variant[] {
  const { gpu, shape, numbers, owned } = creation;
  const bytes = shape[0] * shape[1] * 4;
  const plain = {
    x: owned.use(uploadStorage(gpu, numbers.x, "x")),
    w: owned.use(uploadStorage(gpu, transpose(numbers.w, shape[1], shape[2]), "w")),
    y: owned.use(createStorage(gpu, bytes, "y")),
  };
  const operands = {
    buffer: createOperands(creation, "f32", "buffer"),
    texture: createOperands(creation, "f32", "texture"),
  };
  return matmulSteps.map(({ options, ...step }): Variant => {
    if (options.storage === "row-major") {
      return {
        ...step,
        record: (recorder) => plainMatmul(recorder, plain, shape, options),
        output: plain.y,
        pick: (output) => output.subarray(0, bytes / 4),
      };
    }
    const { x, w, y } = operands[options.storage];
    return { ...step, record: (recorder) => tiledMatmul(recorder, x, w, y, options), output: y };
  });
}

/** The transpose of row-major `[rows, cols]`. */
export function transpose(
  data: Float32Array,
  rows: number,
  cols: number,
): Float32Array<ArrayBuffer> {
  return Float32Array.from(data, (_, i) => data[(i % rows) * cols + Math.floor(i / rows)]!);
}
