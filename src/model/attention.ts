import type { Matrix } from "../gpu/matrix.ts";
import { attention } from "../ops/attention.ts";
import { rotary } from "../ops/rotary.ts";
import { headTexels } from "./block_weights.ts";
import { type Pass, recordLinear, type Stack } from "./pass.ts";

/** Records an attention layer within each sentence, up to its output projection. */
export function recordSelfAttention(pass: Pass, stack: Stack, layer: number, x: Matrix): Matrix {
  const { recorder, workspace, batch } = pass;
  const { heads, keyValueHeads, scale, dividedByBlock, causal, windows } = stack.spec.attention;
  const { projection } = stack.blocks[layer]!.attention;
  const texels = headTexels(stack.spec.attention);
  const projected = recordLinear(pass, x, projection, "projection", projection.weight.rows);
  const turned = recordRotation(pass, stack, layer, projected);
  const out = workspace.matrix("attended", batch.tokens, 4 * texels * heads);
  attention(
    recorder,
    { matrix: turned, texel: 0 },
    { matrix: turned, texel: heads * texels },
    { matrix: projected, texel: (heads + keyValueHeads) * texels },
    out,
    batch.queryBlocks,
    {
      heads,
      keyValueHeads,
      headTexels: texels,
      scale: dividedByBlock ? scale / (layer + 1) : scale,
      causal,
      window: windows?.[layer],
      bias: stack.relativeBias,
    },
  );
  return out;
}

/** Records attention to the same sentence's tokens in another stack's output. */
export function recordCrossAttention(
  pass: Pass,
  stack: Stack,
  layer: number,
  x: Matrix,
  memory: Matrix,
): Matrix {
  const { recorder, workspace, batch } = pass;
  const { heads, keyValueHeads, scale } = stack.spec.attention;
  const { projection, memoryProjection } = stack.blocks[layer]!.crossAttention!;
  const texels = headTexels(stack.spec.attention);
  const query = recordLinear(pass, x, projection, "cross query", projection.weight.rows);
  const found = memoryProjection!;
  const keyValue = recordLinear(pass, memory, found, "cross key value", found.weight.rows);
  const out = workspace.matrix("attended", batch.tokens, 4 * texels * heads);
  attention(
    recorder,
    { matrix: query, texel: 0 },
    { matrix: keyValue, texel: 0 },
    { matrix: keyValue, texel: keyValueHeads * texels },
    out,
    batch.queryBlocks,
    { heads, keyValueHeads, headTexels: texels, scale, causal: false },
  );
  return out;
}

/**
 * Turns query and key heads by their positions; without rotary positions there is nothing to do.
 */
function recordRotation(pass: Pass, stack: Stack, layer: number, projected: Matrix): Matrix {
  const { recorder, workspace, batch, spec } = pass;
  const { heads, keyValueHeads, headWidth, rotary: rotaries } = stack.spec.attention;
  const turn = rotaries?.[layer];
  if (!turn) return projected;
  const texels = headTexels(stack.spec.attention);
  const { headNorm } = stack.blocks[layer]!.attention;
  const turned = workspace.matrix("turned", batch.tokens, 4 * texels * (heads + keyValueHeads));
  rotary(
    recorder,
    projected,
    turned,
    batch.tokens,
    batch.rowPositions,
    workspace.rotary.table(turn, texels, batch.longest),
    headNorm && { gain: headNorm, headWidth, epsilon: spec.norm.epsilon },
  );
  return turned;
}
