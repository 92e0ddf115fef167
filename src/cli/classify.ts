import { loadClassifier } from "../spin/classifier_file.ts";
import { loadClassifierModel } from "../spin/classifier_model.ts";
import { classify } from "../spin/classify.ts";
import { EmptyTextError } from "../spin/read_neurons.ts";
import { requestGpu } from "../tuning/request.ts";
import { SpindleError, UsageError } from "../util.ts";
import { answerInOrder } from "./answer.ts";
import { defineCommand } from "./command.ts";
import { readLines } from "./lines.ts";
import { escapeControls, print } from "./terminal.ts";
import { noteTruncation } from "./truncation_note.ts";

/** At most how many lines of stdin are classified together. */
const linesAtOnce = 256;

/** `spindle classify`. */
export const command = defineCommand({
  name: "classify",
  summary: "Label texts with a classifier that `run` made",
  positionals: {
    classifier: { count: "one", description: "The file that `run` wrote" },
    texts: {
      count: "any",
      description: "The texts; without any, each line of stdin is one, answered when it has come",
    },
  },
  options: {
    model: {
      type: "text",
      value: "FOLDER",
      description: "The model; default the folder that `run` used",
    },
    json: { type: "flag", description: "Print a JSON document a line, with every probability" },
  },
  example:
    'classify results/mr-all-MiniLM-L6-v2/classifier.safetensors "a joy from start to finish"',
  async run({ classifier: path, texts, model: folder, json }) {
    const classifier = loadClassifier(path);
    if (texts.length === 0 && Deno.stdin.isTerminal()) {
      throw new UsageError("Cannot classify as there is no text: pass some, or lines on stdin");
    }
    using gpu = await requestGpu();
    using model = await loadClassifierModel(gpu, classifier, folder);
    const source = texts.length ? [texts] : readLines(Deno.stdin.readable, linesAtOnce);
    let truncated = 0;
    const onTruncated = (texts: number) => truncated += texts;
    const answer = async (group: readonly string[]) => {
      for (const prediction of await classify(classifier, model, group, { onTruncated })) {
        const { label, probability } = prediction;
        print(
          json ? JSON.stringify(prediction) : `${escapeControls(label)}\t${probability.toFixed(4)}`,
        );
      }
    };
    let lines = 0;
    for await (const group of source) {
      try {
        await answerInOrder(group, answer);
      } catch (error) {
        if (texts.length > 0 || !(error instanceof EmptyTextError)) throw error;
        throw new SpindleError(
          `Cannot classify line ${lines + error.index + 1} of stdin as the model has no tokens ` +
            "for it: leave it out",
        );
      }
      lines += group.length;
    }
    noteTruncation(truncated, model);
  },
});
