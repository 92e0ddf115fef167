import type { Activation } from "../ops/linear.ts";

/** A transformer as plain data: everything that the one forward pass needs to know. */
export interface ModelSpec {
  /** The `model_type` of config.json. */
  readonly family: string;
  readonly width: number;
  readonly ffnWidth: number;
  readonly vocabulary: number;
  /** The longest sequence that positions exist for; Infinity where nothing limits it. */
  readonly maxTokens: number;
  readonly norm: NormSpec;
  readonly embedding: EmbeddingSpec;
  /** One stack of blocks, or encoder and decoder. */
  readonly stacks: readonly StackSpec[];
}

/** What normalises a hidden state, and where. */
export interface NormSpec {
  /** LayerNorm, or RMSNorm, which has no mean and no bias. */
  readonly kind: "layer" | "rms";
  readonly epsilon: number;
  /** Before attention and feed-forward network (pre), or after each residual sum (post). */
  readonly place: "pre" | "post";
}

/** What is summed and done before the first block. */
export interface EmbeddingSpec {
  /** Width of the embedding tables; a projection follows where it is not the model's width. */
  readonly width: number;
  /** Learned positions: the row of the table that position 0 uses; undefined without a table. */
  readonly positionOffset?: number;
  readonly tokenTypes: boolean;
  readonly norm: boolean;
}

/** A run of equal blocks. */
export interface StackSpec {
  /** Put in front of the names of its states: "", "encoder." or "decoder.". */
  readonly prefix: "" | "encoder." | "decoder.";
  readonly blocks: number;
  readonly attention: AttentionSpec;
  /** Whether each block also attends to the output of the stack before. */
  readonly crossAttention: boolean;
  readonly ffn: FfnSpec;
  /** Attention and feed-forward network read the same state, and both add to it. */
  readonly parallelResidual: boolean;
  /** A norm after the last block, whose output is one more hidden state. */
  readonly finalNorm: boolean;
}

/** Self-attention of a stack. */
export interface AttentionSpec {
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headWidth: number;
  readonly causal: boolean;
  /** What queries times keys are multiplied by. */
  readonly scale: number;
  /** RMSNorm of each query and key head before the rotation. */
  readonly headNorm: boolean;
  readonly rotary?: RotarySpec;
  readonly relativeBias?: RelativeBiasSpec;
  /** How far back and, unless causal, ahead a query sees in a block; undefined: everywhere. */
  readonly window?: (block: number) => number | undefined;
  /** Whether the norm before attention exists in a block; it does unless this says otherwise. */
  readonly hasNorm?: (block: number) => boolean;
}

/** Rotary positions: dimension pair i of a head turns by position times `frequencies[i]`. */
export interface RotarySpec {
  /** How many leading dimensions of a head turn; pair i is (i, i + dimensions / 2). */
  readonly dimensions: number;
  /** Radians per position, a value a pair. */
  readonly frequencies: (block: number) => readonly number[];
  /** Multiplies the turned values. */
  readonly attentionFactor?: number;
}

/** T5's relative positions: a learned number a head and a bucket of distances. */
export interface RelativeBiasSpec {
  readonly buckets: number;
  readonly maxDistance: number;
  readonly bidirectional: boolean;
}

/** The feed-forward network of a block. */
export interface FfnSpec {
  readonly activation: Activation;
  /** The activated gate is multiplied by a second projection. */
  readonly gated: boolean;
}

/** Where a weight is found in a checkpoint. */
export interface TensorRef {
  readonly name: string;
  /** Stored as `[inputs, outputs]`. */
  readonly transposed?: boolean;
  /** The outputs are one of several equal parts of the tensor's. */
  readonly part?: Part;
  /** Added to every element: some norms store their gain minus one. */
  readonly plus?: number;
}

/** One of `of` equal parts of a dimension; with `groups`, of each of that many equal groups. */
export interface Part {
  readonly index: number;
  readonly of: number;
  readonly groups?: number;
}

/** A linear layer or a norm: its weight (or gain) and, where there is one, its bias. */
export interface LayerRef {
  readonly weight: TensorRef;
  readonly bias?: TensorRef;
}

/** The four projections of an attention layer, with its norm. */
export interface AttentionRefs {
  readonly norm?: LayerRef;
  readonly query: LayerRef;
  readonly key: LayerRef;
  readonly value: LayerRef;
  readonly output: LayerRef;
  readonly queryNorm?: TensorRef;
  readonly keyNorm?: TensorRef;
}

/** The weights of one block. */
export interface BlockRefs {
  readonly attention: AttentionRefs;
  readonly crossAttention?: AttentionRefs;
  readonly ffn: {
    readonly norm?: LayerRef;
    /** The projection that the activation follows. */
    readonly gate: LayerRef;
    /** The projection that the gate multiplies, where the network is gated. */
    readonly up?: LayerRef;
    readonly down: LayerRef;
  };
}

/** The weights of the embedding. */
export interface EmbeddingRefs {
  readonly token: TensorRef;
  readonly position?: TensorRef;
  readonly tokenType?: TensorRef;
  readonly norm?: LayerRef;
  readonly projection?: LayerRef;
}

/** The weights of a stack as a whole. */
export interface StackRefs {
  readonly block: (index: number) => BlockRefs;
  readonly finalNorm?: LayerRef;
  /** `[buckets, heads]`. */
  readonly relativeBias?: TensorRef;
}

/** Names every tensor of a family's checkpoints. */
export interface WeightRefs {
  readonly embedding: EmbeddingRefs;
  readonly stacks: readonly StackRefs[];
  /** What may stand before every name, such as `bert.`, where a task's head sits on top. */
  readonly prefixes: readonly string[];
  /** Tensors that are known and not needed: heads on top, position buffers. */
  readonly ignored: RegExp;
}

/** A family of models: how its config.json and its tensor names are read. */
export interface Family {
  readonly modelTypes: readonly string[];
  spec(config: Config): ModelSpec;
  weights(spec: ModelSpec): WeightRefs;
}

/** Checked access to config.json. */
export interface Config {
  readonly path: string;
  number(name: string, fallback?: number): number;
  boolean(name: string, fallback?: boolean): boolean;
  string(name: string, fallback?: string): string;
  object(name: string): Config | undefined;
  has(name: string): boolean;
  list(name: string): readonly unknown[] | undefined;
}
