// Written by `deno task families`: a family is added by adding its file.
import type { Family } from "../spec.ts";
import { bert } from "./bert.ts";
import { distilbert } from "./distilbert.ts";
import { electra } from "./electra.ts";
import { gpt2 } from "./gpt2.ts";
import { gptNeox } from "./gpt_neox.ts";
import { llama } from "./llama.ts";
import { modernbert } from "./modernbert.ts";
import { qwen2 } from "./qwen2.ts";
import { qwen3 } from "./qwen3.ts";
import { roberta } from "./roberta.ts";
import { t5 } from "./t5.ts";

/** Every family that can be loaded. */
export const families: readonly Family[] = [
  bert,
  distilbert,
  electra,
  gpt2,
  gptNeox,
  llama,
  modernbert,
  qwen2,
  qwen3,
  roberta,
  t5,
];
