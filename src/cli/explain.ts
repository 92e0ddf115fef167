import { loadClassifier } from "../spin/classifier_file.ts";
import { loadClassifierModel } from "../spin/classifier_model.ts";
import { explain } from "../spin/explain.ts";
import { requestGpu } from "../tuning/request.ts";
import { UsageError } from "../util.ts";
import { answerInOrder } from "./answer.ts";
import { defineCommand } from "./command.ts";
import { classifierTable, describeClassifier } from "./explain_classifier.ts";
import { describeText, textTable } from "./explain_text.ts";
import { print } from "./terminal.ts";
import { noteTruncation } from "./truncation_note.ts";

/** `spindle explain`. */
export const command = defineCommand({
  name: "explain",
  summary: "Show what a classifier is made of, or which neurons decided on a text",
  positionals: {
    classifier: { count: "one", description: "The file that `run` wrote" },
    texts: {
      count: "any",
      description: "Texts to explain the labels of; without any, the classifier itself is shown",
    },
  },
  options: {
    top: {
      type: "integer",
      value: "N",
      default: 10,
      description: "At most so many neurons: the strongest, or those for and those against a label",
    },
    model: {
      type: "text",
      value: "FOLDER",
      description: "The model that reads the texts; default the folder that `run` used",
    },
    json: { type: "flag", description: "Print a JSON document, for texts one a line" },
  },
  example:
    'explain results/mr-all-MiniLM-L6-v2/classifier.safetensors "a joy from start to finish"',
  async run({ classifier: path, texts, top, model: folder, json }) {
    const classifier = loadClassifier(path);
    if (texts.length === 0) {
      if (folder !== undefined) {
        throw new UsageError("Cannot use --model without a text: leave it out, or pass some");
      }
      const described = describeClassifier(classifier, top);
      print(json ? JSON.stringify(described, undefined, 2) : classifierTable(described));
      return;
    }
    using gpu = await requestGpu();
    using model = await loadClassifierModel(gpu, classifier, folder);
    let truncated = 0;
    const onTruncated = (texts: number) => truncated += texts;
    await answerInOrder(texts, async (texts) => {
      const explanations = await explain(classifier, model, texts, { onTruncated });
      const described = explanations.map((each, i) =>
        describeText(texts[i]!, classifier, each, top)
      );
      if (described.length === 0) return;
      print(
        described.map((each) => json ? JSON.stringify(each) : textTable(each))
          .join(json ? "\n" : "\n\n"),
      );
    });
    noteTruncation(truncated, model);
  },
});
