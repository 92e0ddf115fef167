import gatherCode from "../../shaders/logistic_inverse_gather.wgsl" with { type: "text" };
import inverseCode from "../../shaders/logistic_inverse.wgsl" with { type: "text" };
import pivotCode from "../../shaders/logistic_inverse_pivot.wgsl" with { type: "text" };
import type { Gpu } from "../gpu/device.ts";
import { createMatrix, type Matrix } from "../gpu/matrix.ts";
import { createStorage, type StorageBuffer } from "../gpu/memory.ts";
import { Recorder } from "../gpu/recorder.ts";
import { range, unroll } from "./logistic_tiles.ts";

/** A set of columns, as a list of texels in a buffer of lists. */
export interface ColumnSet {
  /** Where its list starts and ends. */
  readonly start: number;
  readonly end: number;
  /** The row of `weight` that tells which columns of the texels belong to it. */
  readonly weightRow: number;
}

/** Inverses of the matrices of some sets of columns, one below the other. */
export interface Inverses extends Disposable {
  readonly matrix: Matrix;
  /** The first row of each set's inverse. */
  readonly firstRow: readonly number[];
}

/** Weighted sums of the rows `[.., cols]` (the first counts) and the sum of the weights. */
export interface Drift {
  readonly sums: Matrix;
  readonly total: number;
}

/** Blocks of 16 columns that a list of texels takes. */
export function inverseBlocks({ start, end }: ColumnSet): number {
  return Math.ceil((end - start) / 4);
}

/**
 * Submits `(gram + ridge I)^-1` for each set of columns.
 *
 * @param gram `[cols, cols]`.
 * @param weight `[sets, cols]`: a weight above 1e17 excludes a column of a listed texel.
 * @param drift What is taken from `gram` as the intercept follows the weighted rows.
 */
export function invertSets(
  gpu: Gpu,
  gram: Matrix,
  weight: Matrix,
  texels: StorageBuffer,
  sets: readonly ColumnSet[],
  ridge: number,
  drift?: Drift,
): Inverses {
  const order = range(sets.length).sort((a, b) =>
    inverseBlocks(sets[b]!) - inverseBlocks(sets[a]!)
  );
  const sizes = order.map((i) => inverseBlocks(sets[i]!));
  const first: number[] = [];
  let blockCount = 0;
  for (const size of sizes) {
    first.push(16 * blockCount);
    blockCount += size;
  }
  const steps = sizes[0]!;
  const rows = 16 * blockCount;
  using own = new DisposableStack();
  const pair = [0, 1].map(() => createMatrix(gpu, rows, 16 * steps, "inverses"));
  const kept = pair[steps % 2]!;
  own.use(pair[1 - steps % 2]!);
  const panel = own.use(createMatrix(gpu, 16 * sets.length, 16 * steps, "pivot rows"));
  const upload = (label: string, numbers: number[]) => {
    const storage = own.use(createStorage(gpu, numbers.length * 4, label));
    storage.write(Uint32Array.from(numbers));
    return storage;
  };
  const blockBuffer = upload("blocks", sizes.flatMap((n, s) => range(n).flatMap((b) => [s, b])));
  const setBuffer = upload("sets", sizes.flatMap((n, s) => [first[s]!, n]));
  const listBuffer = upload(
    "lists",
    order.flatMap((i) => [sets[i]!.start, sets[i]!.end, sets[i]!.weightRow, 0]),
  );
  const buffers = {
    sets: { storage: setBuffer, type: "array<vec2u>", access: "read" as const },
    blocks: { storage: blockBuffer, type: "array<vec2u>", access: "read" as const },
  };
  const recorder = new Recorder(gpu);
  recorder.dispatch({
    label: "logistic gather",
    code: gatherCode + driftCode(drift !== undefined),
    reads: { gram, weight, ...(drift && { sums: drift.sums }) },
    writes: { to: pair[0]!, copy: pair[1]! },
    buffers: {
      ...buffers,
      lists: { storage: listBuffer, type: "array<vec4u>", access: "read" },
      texels: { storage: texels, type: "array<u32>", access: "read" },
    },
    floats: { ridge, total: drift?.total ?? 1 },
    workgroups: [blockCount, steps],
  });
  for (let step = 0; step < steps; step++) {
    const active = sizes.filter((n) => step + n >= steps);
    const uints = { step, steps };
    const from = pair[step % 2]!;
    recorder.dispatch({
      label: "logistic pivot",
      code: inverseCode + pivotCode,
      reads: { from },
      writes: { panel },
      buffers: { sets: buffers.sets },
      uints,
      workgroups: [active.length, Math.ceil(steps / 4)],
    });
    recorder.dispatch({
      label: "logistic sweep",
      code: inverseCode + sweepCode(gpu.adapter.software ? 4 : 2),
      reads: { from, panel },
      writes: { to: pair[1 - step % 2]! },
      buffers,
      uints,
      workgroups: [active.reduce((sum, n) => sum + n, 0), Math.ceil(steps / sweepBlocks)],
    });
  }
  recorder.submit();
  const firstRow = new Array<number>(sets.length);
  order.forEach((i, s) => firstRow[i] = first[s]!);
  return { matrix: kept, firstRow, [Symbol.dispose]: () => kept[Symbol.dispose]() };
}

/** The product of the means of a column and a texel of columns. */
function driftCode(present: boolean): string {
  const value = present
    ? "load_sums(0u, column / 4u)[column & 3u] * load_sums(0u, k) / params.total"
    : "vec4f(0.0)";
  return `\nfn drift(column: u32, k: u32) -> vec4f { return ${value}; }\n`;
}

/** Blocks of 16 columns that a workgroup of the sweep takes. */
const sweepBlocks = 8;

/**
 * `to = from - from[pivot columns] panel`, and the panel itself in the pivot rows. A workgroup takes
 * a block of 16 rows; its 8 lanes run along the rows, two each, over `texels` texels at a time.
 */
function sweepCode(texels: number): string {
  return `
@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let block = blocks[group.x];
  let subset = sets[block.x];
  let pivot = pivot_block(subset);
  let end = min(4u * subset.y, (group.y + 1u) * ${4 * sweepBlocks}u);
  let row = subset.x + 16u * block.y + lane;
  let is_pivot = block.y == pivot;
  ${
    unroll(2, (r) =>
      unroll(4, (p) => `let c${r}_${p} = load_from(row + ${8 * r}u, 4u * pivot + ${p}u);`))
  }
  for (var k = group.y * ${4 * sweepBlocks}u; k < end; k += ${texels}u) {
    let in_pivot = k / 4u == pivot;
    ${
    unroll(2, (r) =>
      unroll(texels, (t) =>
        `var s${r}_${t} = select(load_from(row + ${8 * r}u, k + ${t}u), vec4f(0.0), in_pivot);`))
  }
    ${
    unroll(16, (j) =>
      unroll(texels, (t) =>
        `let p${j}_${t} = load_panel(16u * block.x + ${j}u, k + ${t}u);\n` +
        unroll(2, (r) =>
          `s${r}_${t} = s${r}_${t} - c${r}_${j >> 2}.${"xyzw"[j & 3]} * p${j}_${t};`)))
  }
    ${
    unroll(2, (r) =>
      unroll(texels, (t) =>
        `if (is_pivot) { s${r}_${t} = load_panel(16u * block.x + lane + ${8 * r}u, k + ${t}u); }
         store_to(row + ${8 * r}u, k + ${t}u, s${r}_${t});`))
  }
  }
}
`;
}
