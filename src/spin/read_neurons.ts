import { captureBatches } from "../model/capture.ts";
import type { CapturedState } from "../model/capture_recorder.ts";
import { encodeInTurns } from "../model/encode.ts";
import type { Model } from "../model/model.ts";
import { findStates, type StateId } from "../model/states.ts";
import { beginningOf, requireTexts, SpindleError } from "../util.ts";
import { type Classifier, misfitOf } from "./classifier.ts";
import { requireModelOf } from "./classifier_model.ts";
import { countNeurons } from "./select.ts";

/** Choices of `classify` and `explain`. */
export interface ClassifyOptions {
  /** Is told how many of the texts were longer than the model takes, and lost their ends. */
  readonly onTruncated?: ((texts: number) => void) | undefined;
  /** Aborted, it ends the work with its reason as the error. */
  readonly signal?: AbortSignal | undefined;
}

/** Is thrown for a text without tokens, of which there are no states. */
export class EmptyTextError extends SpindleError {
  /** @param index Which of the texts it is, from 0. */
  constructor(readonly index: number) {
    super(`Cannot classify text ${index + 1} as the model has no tokens for it: leave it out`);
  }
}

/**
 * Reads the neurons of a classifier, running only the blocks of the model that their states need.
 *
 * @returns The classifier as it was given, to which the caller may write meanwhile, and a row a
 * text: the values of the neurons in the classifier's order.
 * @throws {SpindleError} As `classify` does.
 */
export async function readNeurons(
  given: Classifier,
  model: Model,
  texts: readonly string[],
  { onTruncated, signal }: ClassifyOptions,
): Promise<{ classifier: Classifier; rows: Float32Array[] }> {
  const misfit = misfitOf(given);
  if (misfit !== undefined) {
    throw new SpindleError(`Cannot classify with a classifier as ${misfit}`);
  }
  requireTexts(texts);
  const classifier = copyClassifier(given);
  const copies = [...texts];
  await requireModelOf(classifier, model);
  const { pool, neurons } = classifier;
  const states = findStates(model.spec, neurons.map(({ state }) => state));
  neurons.forEach(({ indices }, i) => requireNeurons(states[i]!, indices));
  const { ids, truncated } = await encodeInTurns(model, copies, signal);
  const empty = ids.findIndex(({ length }) => length === 0);
  if (empty >= 0) throw new EmptyTextError(empty);
  if (truncated > 0) onTruncated?.(truncated);
  const rows: Float32Array[] = [];
  // Batch by batch, as the states are thousands of times as large as the neurons that are read.
  for await (const batch of captureBatches(model, ids, states, [pool], signal)) {
    for (let row = 0; row < batch.count; row++) {
      const read = gather(neurons, batch.states, row);
      const broken = read.findIndex((value) => !Number.isFinite(value));
      if (broken >= 0) {
        const { state, index } = placesOf(neurons)[broken]!;
        const reason = `neuron ${index} of ${state} is ${read[broken]}`;
        throw refuseValue(model, copies[rows.length]!, reason);
      }
      rows.push(read);
    }
  }
  return { classifier, rows };
}

/** Copies a classifier, which may be an object of the caller's own kind. */
function copyClassifier(
  { classes, model, pool, neurons, coef, intercept, metric, validation, test }: Classifier,
): Classifier {
  return {
    classes: [...classes],
    model: { ...model },
    pool,
    neurons: neurons.map(({ state, indices }) => ({ state, indices: indices.slice() })),
    coef: coef.slice(),
    intercept: intercept.slice(),
    metric,
    validation,
    test,
  };
}

/** Where each neuron of a classifier is, in its order. */
export function placesOf(neurons: Classifier["neurons"]): { state: string; index: number }[] {
  return neurons.flatMap(({ state, indices }) =>
    Array.from(indices, (index) => ({ state, index }))
  );
}

function requireNeurons({ name, width }: StateId, indices: Uint32Array): void {
  const beyond = indices.find((index) => index >= width);
  if (beyond === undefined) return;
  throw new SpindleError(
    `Cannot classify with neuron ${beyond} of ${name} as the model has ${width} there: ` +
      "use the model that the classifier was made from",
  );
}

/** The values of a classifier's neurons in a row of its states. */
function gather(
  neurons: Classifier["neurons"],
  states: readonly CapturedState[],
  row: number,
): Float32Array {
  const read = new Float32Array(countNeurons({ neurons }));
  let at = 0;
  neurons.forEach(({ indices }, i) => {
    const { id: { width }, values: [values] } = states[i]!;
    for (const index of indices) read[at++] = values![row * width + index]!;
  });
  return read;
}

function refuseValue({ weights }: Model, text: string, reason: string): SpindleError {
  const advice = weights === "f16"
    ? "with weights (--weights) f32, or from another model"
    : "from another model";
  const shown = JSON.stringify(beginningOf(text));
  return new SpindleError(`Cannot classify ${shown} as ${reason}: make the classifier ${advice}`);
}
