import type { Gpu } from "../gpu/device.ts";
import type { Precision } from "../gpu/precision.ts";
import type { Pool } from "../ops/pool.ts";
import { requireList, requireTexts, SpindleError } from "../util.ts";
import { captureBatches, orderPools, reserve } from "./capture.ts";
import type { Embedding } from "./embedding.ts";
import { longestSentence, longestText, tokensPerBatch, tokensThatFit } from "./longest.ts";
import type { Stack } from "./pass.ts";
import type { ModelSpec } from "./spec.ts";
import { findStates, listStates, type Site, type StateId } from "./states.ts";
import type { Encoding, Tokenizer } from "./tokenizer.ts";
import { Workspace } from "./workspace.ts";

/** Which states {@linkcode Model.capture} reads, and how. */
export interface CaptureOptions {
  /** Every state of these sites; default `hidden`. */
  readonly sites?: readonly Site[] | undefined;
  /** Instead of sites: single states by name, such as `hidden.3`. */
  readonly states?: readonly string[] | undefined;
  /** Default none: every token's state. */
  readonly pools?: readonly Pool[] | undefined;
  /** Aborted, it ends the work with its reason as the error. */
  readonly signal?: AbortSignal | undefined;
}

/** The states of some sentences. */
export interface Capture {
  /** The sentences' token counts: without pools the rows of a state are their tokens in order. */
  readonly tokens: readonly number[];
  /** By state name: width, and by pool (or `tokens`) row-major float32 `[rows, width]`. */
  readonly states: ReadonlyMap<string, CapturedValues>;
}

/** The values of one state. */
export interface CapturedValues {
  /** Numbers of a row. */
  readonly width: number;
  /** By pool, or `tokens`: row-major float32 `[rows, width]`. */
  readonly values: Readonly<Partial<Record<Pool | "tokens", Float32Array>>>;
}

/** A transformer on the GPU, with its tokenizer. Dispose it to free its memory. */
export class Model implements Disposable {
  /**
   * Intermediate matrices, shared by all runs.
   *
   * @ignore
   */
  readonly workspace: Workspace;
  /** The most tokens that run at once, unless one sentence alone has more. */
  readonly tokensPerBatch: number;
  /** The most tokens of a sentence, by the model's positions and by this GPU. */
  readonly maxTokens: number;
  /**
   * The tokens to which texts are cut, by the model's configuration and its tokenizer's as well.
   */
  readonly longestText: number;

  /** Where it runs. */
  readonly gpu: Gpu;
  /** The absolute path of the folder it was loaded from. */
  readonly folder: string;
  /**
   * Its files when it was loaded, by {@linkcode stampFiles}.
   *
   * @ignore
   */
  readonly stamp: string;
  /** How the weights lie in GPU memory. */
  readonly weights: Precision;
  /** Its tokenizer, where the folder has one. */
  readonly tokenizer: Tokenizer | undefined;

  /** @ignore */
  constructor(
    gpu: Gpu,
    folder: string,
    stamp: string,
    /**
     * Its shape as plain data.
     *
     * @ignore
     */
    readonly spec: ModelSpec,
    weights: Precision,
    /** @ignore */
    readonly embedding: Embedding,
    /** @ignore */
    readonly stacks: readonly Stack[],
    tokenizer: Tokenizer | undefined,
    /** @ignore */
    readonly owned: DisposableStack,
  ) {
    this.gpu = gpu;
    this.folder = folder;
    this.stamp = stamp;
    this.weights = weights;
    this.tokenizer = tokenizer;
    this.workspace = owned.use(new Workspace(gpu));
    this.tokensPerBatch = Math.min(
      tokensPerBatch(gpu.adapter.software, spec),
      tokensThatFit(gpu, spec),
    );
    this.maxTokens = longestSentence(gpu, spec);
    this.longestText = longestText(spec, tokenizer, this.maxTokens);
  }

  /**
   * Turns texts into token ids, with the special tokens, cut to what the model takes.
   *
   * @param texts The texts.
   * @returns A list of token ids a text.
   * @throws {SpindleError} If the model's folder has no tokenizer, or a part of a text no token.
   */
  tokenize(texts: readonly string[]): number[][] {
    return this.encode(texts).ids;
  }

  /**
   * Turns texts into token ids like {@linkcode tokenize}, and tells how many were cut.
   *
   * @param texts The texts.
   * @returns The token ids, and how many texts lost their ends.
   * @throws {SpindleError} If the model's folder has no tokenizer, or a part of a text no token.
   */
  encode(texts: readonly string[]): Encoding {
    requireTexts(texts);
    if (!this.tokenizer) {
      throw new SpindleError(
        `Cannot tokenize as "${this.folder}" has no tokenizer.json: add it, or pass token ids`,
      );
    }
    return this.tokenizer.encode(texts, { maxTokens: this.longestText });
  }

  /**
   * Lists the states at the given sites; all sites where none is given.
   *
   * @throws {SpindleError} If there is no such site.
   */
  states(sites?: readonly Site[]): StateId[] {
    return listStates(this.spec, sites);
  }

  /**
   * Runs the model and reads its states.
   *
   * @param sentences A list of token ids a sentence, see {@linkcode tokenize}.
   * @param options Which states, and how they are pooled.
   * @returns The states in the order of the sentences.
   * @throws {SpindleError} If a sentence is empty or too long, a token id, a site, a state or a
   * pool unknown, the model disposed, or the host has no memory for the states.
   *
   * @example
   * ```ts
   * import { loadModel, requestGpu } from "spindle";
   *
   * using gpu = await requestGpu();
   * using model = await loadModel(gpu, "models/all-MiniLM-L6-v2");
   * const ids = model.tokenize(["a fine film", "a waste of time"]);
   * const { states } = await model.capture(ids, { sites: ["hidden"], pools: ["mean"] });
   * console.log(states.get("hidden.6")!.values.mean!.length); // 2 x 384
   * ```
   */
  async capture(
    sentences: readonly ArrayLike<number>[],
    options: CaptureOptions = {},
  ): Promise<Capture> {
    requireList("the sentences", sentences);
    sentences.forEach((ids, i) => requireList(`sentence ${i + 1}`, ids));
    // Later batches are read when the caller may have changed the arrays.
    const copies = sentences.map((ids) => Array.from(ids));
    const wanted = orderPools(options.pools ?? []);
    const ids = options.states
      ? findStates(this.spec, options.states)
      : listStates(this.spec, options.sites ?? ["hidden"]);
    const names = wanted.length ? wanted : ["tokens" as const];
    const total = copies.reduce((sum, sentence) => sum + sentence.length, 0);
    const rows = wanted.length ? copies.length : total;
    await using batches = captureBatches(this, copies, ids, wanted, options.signal);
    // From here on the GPU works: what follows takes no time, and writing to the arrays now means
    // that they have their memory when the results come.
    let next = batches.next();
    next.catch(() => {}); // it is awaited below, once there are arrays
    const states = new Map(ids.map(({ name, width }) => {
      const arrays = names.map((key) => [key, reserve(rows, width)] as const);
      return [name, { width, values: Object.fromEntries(arrays) as CapturedValues["values"] }];
    }));
    let row = 0;
    for (let batch = await next; !batch.done; batch = await next) {
      for (const { id, values } of batch.value.states) {
        names.forEach((key, i) =>
          states.get(id.name)!.values[key]!.set(values[i]!, row * id.width)
        );
      }
      row += wanted.length ? batch.value.count : batch.value.tokens;
      next = batches.next();
    }
    return { tokens: copies.map((sentence) => sentence.length), states };
  }

  /**
   * Throws if it was disposed.
   *
   * @ignore
   */
  check(): void {
    if (this.owned.disposed) {
      throw new SpindleError(
        `Cannot run the model "${this.folder}" as it was disposed: load it again`,
      );
    }
  }

  /** Frees the weights and the intermediate matrices. */
  [Symbol.dispose](): void {
    this.owned.dispose();
  }
}
