import { requestGpu } from "../gpu/request.ts";
import { modelSha256 } from "../model/files.ts";
import { loadModel } from "../model/model.ts";
import { type Classifier, classify, loadClassifier } from "../spin/classifier.ts";
import { SpindleError, UsageError } from "../util.ts";
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
    const from = folder ?? classifier.model.folder;
    const digest = await (folder === undefined ? ownModelSha256(classifier) : modelSha256(folder));
    if (digest !== classifier.model.sha256) {
      throw new SpindleError(
        `Cannot classify with the model "${from}" as the classifier was made from another ` +
          `(${classifier.model.name}, SHA-256 ${classifier.model.sha256.slice(0, 12)}…): ` +
          (folder === undefined ? "pass --model FOLDER" : "pass the folder of that one"),
      );
    }
    if (texts.length === 0 && Deno.stdin.isTerminal()) {
      throw new UsageError("Cannot classify as there is no text: pass some, or lines on stdin");
    }
    using gpu = await requestGpu();
    using model = await loadModel(gpu, from, {
      states: classifier.neurons.map(({ state }) => state),
      weights: classifier.model.weights ?? "f32",
    });
    const source = texts.length ? [texts] : readLines(Deno.stdin.readable, linesAtOnce);
    let truncated = 0;
    const onTruncated = (texts: number) => truncated += texts;
    for await (const group of source) {
      for (const prediction of await classify(classifier, model, group, { onTruncated })) {
        const { label, probability } = prediction;
        print(
          json ? JSON.stringify(prediction) : `${escapeControls(label)}\t${probability.toFixed(4)}`,
        );
      }
    }
    noteTruncation(truncated, model);
  },
});

/** The digest of the model that a classifier remembers. */
async function ownModelSha256({ model: { name, folder } }: Classifier): Promise<string> {
  try {
    return await modelSha256(folder);
  } catch (error) {
    if (!(error instanceof SpindleError)) throw error;
    throw new SpindleError(
      `Cannot classify as the classifier's model (${name}) cannot be read from "${folder}" any ` +
        "more: pass --model FOLDER",
      { cause: error },
    );
  }
}
