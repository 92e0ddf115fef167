import stateCode from "../../shaders/logistic_state.wgsl" with { type: "text" };
import type { StorageBuffer } from "../gpu/memory.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { cachedCode } from "./code_cache.ts";

/** The numbers of each fit in `state`, in the order in which they lie there. */
export const stateFields = [
  "INTERCEPT",
  "CURVATURE",
  "LAST_CURVATURE",
  "L1",
  "L2",
  "TIME",
  "MOMENTUM",
  "INNER_START",
  "INNER_DONE",
  "INNER_STEPS",
  "BALANCE_POSITIVE",
  "BALANCE_NEGATIVE",
  "DUAL_SCALE",
  "CONJUGATE",
  "DUAL",
  "LOSS",
  "SLOPE",
  "SHIFT",
  "PENALTY",
] as const;

export type StateField = typeof stateFields[number];

/** `state` fields as WGSL constants. */
export const fieldConstants: Readonly<Record<string, number>> = Object.fromEntries(
  stateFields.map((name, i) => [name, i]),
);

/** What the small kernels of a batch share. */
export interface FitState {
  /** `[fields, fits]`, fits padded to whole tiles. */
  readonly state: StorageBuffer;
  /** Sums that one kernel leaves for the next. */
  readonly partials: StorageBuffer;
  /** The positive class of each fit. */
  readonly targets: StorageBuffer;
  /** Texels of four fits, padded to whole tiles. */
  readonly fitTexels: number;
}

/** Rows that a workgroup of the row kernels takes. */
export const rowsPerChunk = 1024;

/** Sums of four fits that a row kernel leaves for each chunk. */
export const sumsPerChunk = 5;

/** Records what `logistic_state.wgsl` makes of the sums over all rows. */
export function updateState(
  recorder: Recorder,
  step: "intercept" | "balance" | "shifted" | "compared" | "loss" | "dual" | "refreshed",
  { state, partials, fitTexels }: FitState,
  rows: number,
  caution = 1,
): void {
  const { lanes } = recorder.gpu;
  recorder.dispatch({
    label: `logistic ${step}`,
    code: cachedCode(["state", step], () =>
      stateCode + `
@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.fit_texels) { ${step}(id.x); }
}`),
    constants: { ...fieldConstants, LANES: lanes, SUMS: sumsPerChunk },
    buffers: {
      state: { storage: state, type: "array<vec4f>", access: "read_write" },
      partials: { storage: partials, type: "array<vec4f>", access: "read" },
    },
    uints: {
      fit_texels: fitTexels,
      chunks: Math.ceil(rows / rowsPerChunk),
    },
    floats: { rows, caution },
    workgroups: [Math.ceil(fitTexels / lanes)],
  });
}
