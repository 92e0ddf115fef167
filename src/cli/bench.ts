import type { BenchDocument } from "../bench/document.ts";
import { standardSentences } from "../bench/measure_forward.ts";
import { requirePeerPermissions } from "../bench/peers/packages.ts";
import { compareBenches, describeBench } from "../bench/report.ts";
import { runBench } from "../bench/run.ts";
import { bundledPath } from "../bundled.ts";
import { loadDataset } from "../data/load_dataset.ts";
import { readWhole } from "../formats/files.ts";
import { isJsonObject, readJsonObject } from "../formats/json.ts";
import { replaceFile, requireWritable } from "../formats/replace.ts";
import { forgetStorage } from "../gpu/tuning.ts";
import { forgetVectorWidth } from "../gpu/vector_width.ts";
import { type KernelName, kernelNames } from "../measure/problem.ts";
import { requestGpu } from "../tuning/request.ts";
import { SpindleError, UsageError } from "../util.ts";
import { defineCommand } from "./command.ts";
import { nearest } from "./suggest.ts";
import { note, print } from "./terminal.ts";

/** `spindle bench`. */
export const command = defineCommand({
  name: "bench",
  summary: "Check the kernels against float64, then time them",
  positionals: {
    kernels: {
      count: "any",
      description: `Some of ${kernelNames.join(", ")}; all where none is given`,
    },
  },
  options: {
    rounds: {
      type: "integer",
      default: 5,
      description: "How often each variant is timed, all of them in turn",
    },
    sentences: {
      type: "integer",
      description:
        `How many test sentences of MR the forward pass runs on, default ${standardSentences}; ` +
        "where given, runs of more than ten times their tokens are left out",
    },
    peers: {
      type: "flag",
      description: "Time other libraries as well; their packages are fetched now, which needs " +
        "deno run -A --no-lock",
    },
    onnx: {
      type: "text",
      value: "FILE",
      description: "The bundled model as ONNX, for the peers of the forward pass",
    },
    tune: {
      type: "flag",
      description: "First time the variants of the kernels that take the most time, and remember " +
        "the fastest for this adapter in spindle/tuning.json of the user's cache folder",
    },
    save: { type: "text", value: "FILE", description: "Write what --json prints to a file" },
    compare: {
      type: "text",
      value: "FILE",
      description: "Print how many times as fast each variant is as in a saved run",
    },
    json: { type: "flag", description: "Print one JSON document" },
  },
  example: "bench matmul attention --save before.json",
  async run({ kernels, rounds, sentences, peers, onnx, tune, save, compare, json }) {
    const before = compare === undefined ? undefined : readBench(compare);
    const chosen = chooseKernels(kernels);
    if (onnx !== undefined && !peers) {
      throw new UsageError("Cannot use --onnx without --peers: it is for other libraries");
    }
    for (const [option, value] of Object.entries({ sentences, onnx })) {
      if (value === undefined || chosen.includes("forward")) continue;
      throw new UsageError(`Cannot use --${option} with ${chosen.join(", ")}: it is for forward`);
    }
    if (peers) requirePeers(chosen, onnx);
    if (save !== undefined) requireWritable(save);
    const inputs = chosen.includes("forward") ? await readInputs() : { folder: "", texts: [] };
    if (tune) {
      forgetVectorWidth();
      forgetStorage();
    }
    using gpu = await requestGpu();
    const document = await runBench(gpu, {
      kernels: chosen,
      rounds,
      peers,
      tune,
      forward: {
        ...inputs,
        sentences,
        onnx: onnx === undefined ? undefined : readWhole(onnx),
      },
      onProgress: (what) => note(`bench: ${what}`),
    });
    const text = JSON.stringify(document, null, 2);
    if (save !== undefined) replaceFile(save, `${text}\n`);
    print(json ? text : describeBench(document));
    if (before) (json ? note : print)(`\n${compareBenches(document, before)}`);
    return document.results.every(({ correct }) => correct) ? 0 : 1;
  },
});

function chooseKernels(words: readonly string[]): readonly KernelName[] {
  const unknown = words.find((word) => !kernelNames.some((name) => name === word));
  if (unknown !== undefined) {
    const match = nearest(unknown, kernelNames);
    throw new UsageError(
      `Cannot measure "${unknown}": ` +
        (match === undefined
          ? `choose from ${kernelNames.join(", ")}`
          : `did you mean "${match}"?`),
    );
  }
  return words.length ? kernelNames.filter((name) => words.includes(name)) : kernelNames;
}

/** What the forward pass runs, and on what: no other kernel needs either. */
async function readInputs() {
  const folder = bundledPath("models/all-MiniLM-L6-v2");
  const { test } = await loadDataset({ name: "mr" });
  return { folder, texts: test.texts };
}

/** Makes sure that other libraries can be measured, and says where they have nothing to do. */
function requirePeers(chosen: readonly KernelName[], onnx: string | undefined): void {
  if (!chosen.some((name) => ["matmul", "attention", "forward"].includes(name))) {
    throw new UsageError(
      `Cannot use --peers with ${chosen.join(", ")}: others have matmul, attention and forward`,
    );
  }
  if (chosen.includes("forward") && onnx === undefined) {
    note("Without --onnx no other library runs the forward pass");
  }
  requirePeerPermissions();
}

function readBench(path: string): BenchDocument {
  const { device, results } = readJsonObject(path);
  if (isJsonObject(device) && Array.isArray(results) && results.every(isResult)) {
    return { device, results } as unknown as BenchDocument;
  }
  throw new SpindleError(
    `Cannot compare with "${path}" as it holds no results: give a file that --save wrote`,
  );
}

/** Times of wrong variants are written as null. */
function isResult(value: unknown): boolean {
  if (!isJsonObject(value)) return false;
  const { kernel, variant, shape, medianMs, share, correct } = value;
  const areAboveZero = (numbers: readonly unknown[]) =>
    numbers.every((number) => Number.isFinite(number) && Number(number) > 0);
  return typeof kernel === "string" && typeof variant === "string" &&
    Array.isArray(shape) && areAboveZero(shape) &&
    (correct === false || correct === true && areAboveZero([medianMs, share]));
}
