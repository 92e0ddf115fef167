import type { Model } from "../model/model.ts";
import { beginningOf, SpindleError } from "../util.ts";
import { type Classifier, misfitOf } from "./classifier.ts";
import { requireModelOf } from "./classifier_model.ts";
import { countNeurons } from "./select.ts";

/** Choices of `classify` and `explain`. */
export interface ClassifyOptions {
  /** Is told how many of the texts were longer than the model takes, and lost their ends. */
  onTruncated?: (texts: number) => void;
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
 * @returns A row a text: the values of the neurons in the classifier's order.
 * @throws {SpindleError} As `classify` does.
 */
export async function readNeurons(
  classifier: Classifier,
  model: Model,
  texts: readonly string[],
  { onTruncated }: ClassifyOptions,
): Promise<Float32Array[]> {
  const misfit = misfitOf(classifier);
  if (misfit !== undefined) {
    throw new SpindleError(`Cannot classify with a classifier as ${misfit}`);
  }
  await requireModelOf(classifier, model);
  const { pool, neurons } = classifier;
  const states = neurons.map(({ state }) => state);
  const { ids, truncated } = model.encode(texts);
  const empty = ids.findIndex(({ length }) => length === 0);
  if (empty >= 0) throw new EmptyTextError(empty);
  if (truncated > 0) onTruncated?.(truncated);
  const captured = await model.capture(ids, { states, pools: [pool] });
  const columns = neurons.map(({ state, indices }) => {
    const { width, values } = captured.states.get(state)!;
    const beyond = indices.find((index) => index >= width);
    if (beyond !== undefined) {
      throw new SpindleError(
        `Cannot classify with neuron ${beyond} of ${state} as the model has ${width} there: ` +
          "use the model that the classifier was made from",
      );
    }
    return { state, width, indices, values: values[pool]! };
  });
  const count = countNeurons(classifier);
  return texts.map((text, row) => {
    const read = new Float32Array(count);
    let at = 0;
    for (const { state, width, indices, values } of columns) {
      for (const index of indices) {
        const value = values[row * width + index]!;
        if (!Number.isFinite(value)) {
          throw refuseValue(model, text, `neuron ${index} of ${state} is ${value}`);
        }
        read[at++] = value;
      }
    }
    return read;
  });
}

function refuseValue({ weights }: Model, text: string, reason: string): SpindleError {
  const advice = weights === "f16"
    ? "with --weights f32, or from another model"
    : "from another model";
  return new SpindleError(
    `Cannot classify ${
      JSON.stringify(beginningOf(text))
    } as ${reason}: make the classifier ${advice}`,
  );
}
