import { isSame } from "../formats/files.ts";
import { asWritten } from "../formats/float.ts";
import { requireWritable } from "../formats/replace.ts";
import {
  findTensor,
  openSafetensors,
  readExactFloats,
  readFloats,
  readIntegers,
  type SafetensorsFile,
  writeSafetensors,
} from "../formats/safetensors.ts";
import { positiveClasses, scales } from "../probe/fit.ts";
import { fitLogistic, type LogisticModel } from "../probe/logistic.ts";
import { defaultC } from "../spin/probes.ts";
import { requestGpu } from "../tuning/request.ts";
import { SpindleError } from "../util.ts";
import { alignColumns } from "./columns.ts";
import { defineCommand } from "./command.ts";
import { note, print } from "./terminal.ts";

/** `spindle probe`. */
export const command = defineCommand({
  name: "probe",
  summary: "Fit L1 logistic regressions to features from any tool",
  positionals: {
    file: {
      count: "one",
      description: "A safetensors file: x [rows, columns] floats, y [rows] integers, and c [n], " +
        `the values of C; without c they are ${defaultC.join(", ")}`,
    },
  },
  options: {
    tolerance: {
      type: "number",
      default: 1e-4,
      description: "The relative duality gap to reach",
    },
    maxIterations: { type: "integer", default: 200, description: "At most how many steps" },
    scale: {
      type: "choice",
      choices: scales,
      default: "raw",
      description: "Which weights are penalised",
    },
    l1Ratio: {
      type: "number",
      minimum: 0,
      maximum: 1,
      default: 1,
      description: "The share of L1 in the penalty: 0 is ridge, between is elastic net",
    },
    save: {
      type: "text",
      value: "FILE",
      description: "Write a safetensors file: coef [C, regressions, columns], intercept [C, " +
        "regressions], and in its metadata C and classes, as JSON lists, l1Ratio, scale and " +
        "tolerance; two classes take one regression, positive for the larger, more one each",
    },
    json: { type: "flag", description: "Print one JSON document" },
  },
  example: "probe features.safetensors --save probes.safetensors",
  async run({ file, tolerance, maxIterations, scale, l1Ratio, save, json }) {
    const start = performance.now();
    const { x, y, C } = readProblem(file);
    if (save !== undefined) requireTarget(file, save);
    using gpu = await requestGpu();
    const options = {
      C,
      tolerance,
      maxIterations,
      scale,
      l1Ratio,
    };
    const models = await fitLogistic(gpu, x, y, options);
    warnOfSlowModels(models, options);
    const seconds = (performance.now() - start) / 1000;
    if (save !== undefined) saveModels(save, models, options);
    const fits = models.flatMap(describe);
    if (json) print(JSON.stringify({ fits, seconds }, undefined, 2));
    else printTable(fits);
  },
});

function requireTarget(file: string, save: string): void {
  if (isSame(file, save)) {
    throw new SpindleError(`Cannot save over the features in "${file}": name another file`);
  }
  requireWritable(save);
}

function warnOfSlowModels(
  models: readonly LogisticModel[],
  { tolerance, maxIterations }: { readonly tolerance: number; readonly maxIterations: number },
): void {
  const slow = models.filter(({ converged }) => !converged);
  if (slow.length === 0) return;
  const fits = slow.flatMap(({ certificates }) => certificates.filter((fit) => !fit.converged));
  const worst = Math.max(...fits.map(({ gap }) => gap));
  const mayGoOn = fits.some(({ nIter }) => nIter >= maxIterations);
  note(
    `${slow.length} of ${models.length} models (C ${slow.map(({ C }) => C).join(", ")}) did not ` +
      `converge to a gap of ${tolerance}: the worst is ${worst.toExponential(1)}; ` +
      (mayGoOn
        ? "allow more iterations, "
        : "no step led further in float32, or one would have taken minutes: allow ") +
      "a larger tolerance or a smaller C, or penalise standardized weights",
  );
}

function readProblem(path: string) {
  using file = openSafetensors(path);
  const { shape } = findTensor(file, "x");
  const y = readIntegers(file, "y");
  if (shape.length !== 2 || shape[0] !== y.length) {
    throw new SpindleError(
      `Cannot probe "${path}" as x is [${shape.join(", ")}] and y has ${y.length} labels: ` +
        `x must be [rows, columns] with a label a row`,
    );
  }
  return { x: readFloats(file, "x"), y, C: file.tensors.has("c") ? readC(file) : defaultC };
}

/** C as written: 0.1 in float32 is shown and used as 0.1. */
function readC(file: SafetensorsFile): number[] {
  const { shape, dtype } = findTensor(file, "c");
  if (shape.length !== 1 || shape[0] === 0) {
    throw new SpindleError(
      `Cannot probe "${file.path}" as c is [${shape.join(", ")}]: it must be [n], values of C of ` +
        "which there is one at least",
    );
  }
  return Array.from(readExactFloats(file, "c"), (value) => asWritten(value, dtype));
}

function describe({ C, classes, certificates }: LogisticModel) {
  const positive = positiveClasses(classes);
  return certificates.map(({ objective, gap, nonzeros, nIter, converged }, k) => ({
    C,
    class: positive[k]!,
    objective,
    gap,
    nonzeros,
    nIter,
    converged,
  }));
}

function printTable(fits: readonly ReturnType<typeof describe>[number][]): void {
  const rows = [
    ["C", "class", "objective", "gap", "nonzeros", "steps", ""],
    ...fits.map(({ C, class: label, objective, gap, nonzeros, nIter, converged }) => [
      `${C}`,
      `${label}`,
      objective.toPrecision(8),
      gap.toExponential(1),
      `${nonzeros}`,
      `${nIter}`,
      converged ? "" : "not converged",
    ]),
  ];
  for (const line of alignColumns(rows, 0)) print(`  ${line}`);
}

function saveModels(
  path: string,
  models: readonly LogisticModel[],
  { l1Ratio, scale, tolerance }: {
    readonly l1Ratio: number;
    readonly scale: string;
    readonly tolerance: number;
  },
): void {
  const regressions = models[0]!.intercept.length;
  const columns = models[0]!.coef.length / regressions;
  const coef = Float32Array.from(models.flatMap((model) => [...model.coef]));
  // Beside large means of features, float32 would be another model than the one that is certified.
  const intercept = Float64Array.from(models.flatMap((model) => [...model.intercept]));
  const shape = [models.length, regressions];
  writeSafetensors(
    path,
    new Map([
      ["coef", { dtype: "F32", shape: [...shape, columns], data: coef }],
      ["intercept", { dtype: "F64", shape, data: intercept }],
    ]),
    {
      C: JSON.stringify(models.map(({ C }) => C)),
      classes: JSON.stringify(models[0]!.classes),
      l1Ratio: `${l1Ratio}`,
      scale,
      tolerance: `${tolerance}`,
    },
  );
}
