/** Runs the tests of every kernel on the browser's own WebGPU, and posts what came of each. */

import { type CollectedTest, tests } from "./deno.ts";
import { type CompilerWatch, watchCompiler } from "./compiler.ts";
import "./subgroups.ts";
import "../gpu/matrix_test.ts";
import "../ops/attention_test.ts";
import "../ops/linear_test.ts";
import "../ops/logistic_test.ts";
import "../ops/norm_test.ts";
import "../ops/pool_test.ts";
import "../ops/rotary_test.ts";
import "../bench/problems_test.ts";
import "../probe/solve_test.ts";

/** What the page posts before each test, after it, and at the end. */
export type Post =
  | { readonly kind: "begin"; readonly name: string }
  | Outcome
  | Summary;

/** What came of a test. */
export interface Outcome {
  readonly kind: "outcome";
  readonly name: string;
  /** Why it failed, where it did. */
  readonly error?: string;
  /** Why it could not run here, where it could not. */
  readonly skipped?: string;
}

/** What the tests ran on. */
export interface Summary {
  readonly kind: "summary";
  /** Absent where WebGPU found none. */
  readonly adapter?: string;
  readonly hasSubgroups: boolean;
  /** Distinct shaders that were compiled. */
  readonly shaders: number;
}

/** Tests that run no kernel which others do not: compiling takes SwiftShader long. */
const repeated = /^each tile of the linear layer|^fitProblems\(\) (?!reports)/;

async function outcomeOf({ name, fn }: CollectedTest, watch: CompilerWatch): Promise<Outcome> {
  let error: string | undefined;
  try {
    await fn();
  } catch (thrown) {
    error = String(thrown);
  }
  const { rejected, overLimit } = await watch.take();
  if (rejected) return { kind: "outcome", name, error: rejected };
  if (overLimit) return { kind: "outcome", name, skipped: overLimit };
  return { kind: "outcome", name, ...(error !== undefined && { error }) };
}

async function post(body: Post): Promise<void> {
  await fetch("/", { method: "POST", body: JSON.stringify(body) });
}

async function runTests(): Promise<void> {
  const adapter = await navigator.gpu?.requestAdapter();
  const watch = watchCompiler();
  for (const test of adapter ? tests.filter(({ name }) => !repeated.test(name)) : []) {
    await post({ kind: "begin", name: test.name });
    await post(await outcomeOf(test, watch));
  }
  await post({
    kind: "summary",
    ...(adapter && { adapter: `${adapter.info.vendor} ${adapter.info.architecture}` }),
    hasSubgroups: adapter?.features.has("subgroups") ?? false,
    shaders: watch.shaders.size,
  });
}

runTests();
