import type { Gpu } from "../gpu/device.ts";
import { createMatrix, uploadMatrix } from "../gpu/matrix.ts";
import { type AttentionShape, attentionVariantsProblem } from "../measure/attention_problem.ts";
import { marginsProblem } from "../measure/margins_problem.ts";
import { matmulNumbers, type MatmulShape, productProblem } from "../measure/matmul_problem.ts";
import type { Problem, Variant } from "../measure/problem.ts";
import { sentenceLength } from "../ops/attention_variants.ts";
import { linear } from "../ops/linear.ts";
import { fitTile, linearTiles, type RowCount } from "../ops/linear_tiles.ts";

/** The variants of a hot kernel, the default first, on a problem that models have the like of. */
export interface Contest {
  /** The name under which the choice is remembered. */
  readonly kernel: string;
  create(gpu: Gpu): Problem;
  /**
   * The same at sizes that nothing divides, small enough for float64, and tall enough for the
   * default as it is at large ones.
   */
  createOdd(gpu: Gpu): Problem;
}

/**
 * Problems large enough to tell variants apart, in software in about a millisecond. Long sentences
 * are not among them: heads of the usual width, which decide, take a second to compile.
 */
export function quickContests({ adapter: { software } }: Gpu): Contest[] {
  return [
    linearContest("few", software ? [32, 768, 384] : [32, 768, 768]),
    linearContest("many", software ? [256, 384, 384] : [2048, 768, 768]),
    attentionContest({ sentences: 2, tokens: 64, heads: 8, headWidth: software ? 16 : 64 }),
    software ? marginsContest(1024, 384, 32) : marginsContest(8192, 768, 64),
  ];
}

/** Problems of the size of real ones. */
export const thoroughContests: readonly Contest[] = [
  linearContest("few", [32, 1536, 384]),
  linearContest("many", [512, 768, 768]),
  attentionContest({ sentences: 16, tokens: 32, heads: 12, headWidth: 64 }),
  attentionContest({ sentences: 4, tokens: 128, heads: 12, headWidth: 64 }),
  marginsContest(8192, 768, 64),
];

export function linearContest(count: RowCount, shape: MatmulShape): Contest {
  const lanesTall = count === "few" ? 4 : 8;
  return {
    kernel: `linear ${count}`,
    create: (gpu) => tileProblem(gpu, count, shape),
    createOdd: (gpu) => tileProblem(gpu, count, [lanesTall * gpu.lanes - 3, 53, 130]),
  };
}

export function attentionContest(shape: AttentionShape): Contest {
  const odd = { ...shape, tokens: shape.tokens + 5, heads: 3 };
  return {
    kernel: `attention ${sentenceLength(shape.tokens)}`,
    create: (gpu) => attentionVariantsProblem(gpu, shape),
    createOdd: (gpu) => attentionVariantsProblem(gpu, odd),
  };
}

export function marginsContest(rows: number, cols: number, fits: number): Contest {
  return {
    kernel: "logistic margins",
    create: (gpu) => marginsProblem(gpu, rows, cols, fits),
    createOdd: (gpu) => marginsProblem(gpu, 9 * gpu.lanes + 5, 37, 20),
  };
}

/** A matrix product by each tile of the linear layer, the default first. */
export function tileProblem(gpu: Gpu, count: RowCount, shape: MatmulShape): Problem {
  const [rows, outputs, inputs] = shape;
  const numbers = matmulNumbers(shape);
  using onFailure = new DisposableStack();
  const x = onFailure.use(uploadMatrix(gpu, numbers.x, rows, inputs, "x"));
  const w = onFailure.use(uploadMatrix(gpu, numbers.w, outputs, inputs, "w"));
  const y = onFailure.use(createMatrix(gpu, rows, outputs, "y"));
  const variants = [...linearTiles(gpu, count)].map(([name, tile]): Variant => ({
    name,
    output: y,
    record: (recorder) => linear(recorder, x, w, y, rows, { tile: fitTile(gpu, tile, rows) }),
  }));
  return productProblem(shape, numbers, variants, onFailure.move());
}
