import type { Gpu } from "../gpu/device.ts";
import { createStorage } from "../gpu/memory.ts";
import {
  attentionOn,
  type AttentionOperands,
  type AttentionShape,
  ownAttention,
} from "../measure/attention_problem.ts";
import type { Problem, Variant } from "../measure/problem.ts";
import { attentionSteps, onlineAttention, threeKernels } from "./attention_ladder.ts";

/** The usual length, and longer ones, whose time a token should grow with the length alone. */
export const attentionShapes: readonly AttentionShape[] = [
  { sentences: 4, tokens: 128, heads: 12, headWidth: 64 },
  { sentences: 1, tokens: 1024, heads: 4, headWidth: 64 },
  { sentences: 1, tokens: 4096, heads: 1, headWidth: 64 },
];

/** Attention within each sentence, and where wanted the ladder to it. */
export function attentionProblem(gpu: Gpu, shape: AttentionShape, ladder: boolean): Problem {
  return attentionOn(gpu, shape, (createOperands, owned) => [
    ...(ladder ? ladderVariants(gpu, shape, createOperands, owned) : []),
    {
      ...ownAttention("attention", createOperands()),
      ...(ladder && { lesson: "what models run: the variant that suits, with masks and windows" }),
    },
  ]);
}

function ladderVariants(
  gpu: Gpu,
  { sentences, tokens, heads }: AttentionShape,
  createOperands: () => AttentionOperands,
  owned: DisposableStack,
): Variant[] {
  const bytes = heads * sentences * tokens * tokens * 4;
  const scores = owned.use(createStorage(gpu, bytes, "scores"));
  return attentionSteps.map(({ name, lesson, options }) => {
    const operands = createOperands();
    return {
      name,
      lesson,
      output: operands.out,
      record: (recorder) =>
        options === "three kernels"
          ? threeKernels(recorder, operands, scores, tokens)
          : onlineAttention(recorder, operands, options),
    };
  });
}
