import type { Activation } from "../ops/linear.ts";
import type { Config } from "./config.ts";

/** A transformer as plain data: everything that the one forward pass needs to know. */
export interface ModelSpec {
  /** The `model_type` of config.json. */
  readonly family: string;
  /** Neurons of a hidden state. */
  readonly width: number;
  /** Neurons of a feed-forward network's intermediate state. */
  readonly ffnWidth: number;
  /** Token ids, from 0. */
  readonly vocabulary: number;
  /** The longest sequence that positions exist for; Infinity where nothing limits it. */
  readonly maxTokens: number;
  /** Where the model takes more tokens than its texts are cut to: how many are left. */
  readonly truncation?: number;
  /** What normalises hidden states. */
  readonly norm: NormSpec;
  /** What comes before the first block. */
  readonly embedding: EmbeddingSpec;
  /** One stack of blocks, or encoder and decoder. */
  readonly stacks: readonly StackSpec[];
}

/** What normalises a hidden state, and where. */
interface NormSpec {
  /** LayerNorm, or RMSNorm, which has no mean and no bias. */
  readonly kind: "layer" | "rms";
  /** Added to the variance. */
  readonly epsilon: number;
  /** Before attention and feed-forward network (pre), or after each residual sum (post). */
  readonly place: "pre" | "post";
}

/** The tables whose rows are summed before the first block. */
interface EmbeddingSpec {
  /** Width of the tables; a projection follows where it is not the model's width. */
  readonly width: number;
  /** The row of the table of learned positions that position 0 uses, where it is not the first. */
  readonly positionOffset?: number;
  /** The id of padding, which stands at no position: it uses the row before that of position 0. */
  readonly paddingId?: number;
}

/** A run of equal blocks. */
export interface StackSpec {
  /** Put in front of the names of its states: "", "encoder." or "decoder.". */
  readonly prefix: "" | "encoder." | "decoder.";
  /** How many blocks there are. */
  readonly blocks: number;
  /** Self-attention, and where there is cross-attention its heads. */
  readonly attention: AttentionSpec;
  /** Whether each block also attends to the output of the stack before. */
  readonly crossAttention: boolean;
  /** The feed-forward network. */
  readonly ffn: FfnSpec;
  /** Attention and feed-forward network read the same state, and both add to it. */
  readonly parallelResidual: boolean;
  /** A norm after the last block, whose output is one more hidden state. */
  readonly finalNorm: boolean;
  /** A decoder's input: the token ids moved right by one, with this one first. */
  readonly startId?: number;
}

/** Self-attention of a stack. */
export interface AttentionSpec {
  /** Query heads. */
  readonly heads: number;
  /** Key and value heads, each shared by as many query heads. */
  readonly keyValueHeads: number;
  /** Neurons of a head. */
  readonly headWidth: number;
  /** Whether a token sees only itself and those before. */
  readonly causal: boolean;
  /** What queries times keys are multiplied by. */
  readonly scale: number;
  /** Whether they are also divided by the number of the block, the first being 1. */
  readonly dividedByBlock?: boolean;
  /** Rotary positions, one a block; blocks that turn alike have the same object. */
  readonly rotary?: readonly RotarySpec[];
  /** Relative positions. */
  readonly relativeBias?: RelativeBiasSpec;
  /** A value a block: a token sees those less than so many away; undefined: all. */
  readonly windows?: readonly (number | undefined)[];
}

/** Rotary positions: the leading dimensions of a head turn in pairs (i, i + pairs). */
export interface RotarySpec {
  /** Radians per position, a value a pair. */
  readonly frequencies: readonly number[];
  /** Multiplies what is turned. */
  readonly factor: number;
  /** Beyond so many positions the frequencies would be others; Infinity: never. */
  readonly positions: number;
}

/** T5's relative positions: a learned number a head and a bucket of distances. */
interface RelativeBiasSpec {
  /** How many buckets there are, for both directions together. */
  readonly buckets: number;
  /** From here on all distances share a bucket. */
  readonly maxDistance: number;
}

/** The feed-forward network of a block. */
interface FfnSpec {
  /** The nonlinearity. */
  readonly activation: Activation;
  /** The activated gate is multiplied by a second projection. */
  readonly gated: boolean;
}

/** A family of models: how its config.json and its tensor names are read. */
export interface Family {
  /** The values of `model_type` that belong to it. */
  readonly modelTypes: readonly string[];
  /** What it is, in one line. */
  readonly summary: string;
  /** Reads config.json. */
  spec(config: Config): ModelSpec;
  /** Names the tensors of a checkpoint. */
  weights(spec: ModelSpec, config: Config): WeightRefs;
}

/** Names every tensor of a family's checkpoints. */
export interface WeightRefs {
  /** What may stand before every name, such as `bert.`, where a task's head sits on top. */
  readonly prefixes: readonly string[];
  /** Tensors that are known and not needed: heads on top, position buffers. */
  readonly ignored: RegExp;
  /** The embedding tables. */
  readonly embedding: EmbeddingRefs;
  /** The stacks of blocks. */
  readonly stacks: readonly StackRefs[];
}

/** The weights of the embedding. */
export interface EmbeddingRefs {
  /** `[vocabulary, width]`. */
  readonly token: TensorRef;
  /** `[positions, width]`. */
  readonly position?: TensorRef;
  /** `[types, width]`; only the first row is used. */
  readonly tokenType?: TensorRef;
  /** After the sum. */
  readonly norm?: LayerRef;
  /** To the model's width. */
  readonly projection?: LayerRef;
}

/** The weights of a stack as a whole. */
export interface StackRefs {
  /** Names the weights of a block. */
  readonly block: (index: number) => BlockRefs;
  /** After the last block. */
  readonly finalNorm?: LayerRef;
  /** `[buckets, heads]`. */
  readonly relativeBias?: TensorRef;
}

/** The weights of one block. */
export interface BlockRefs {
  /** Self-attention. */
  readonly attention: AttentionRefs;
  /** Attention to the stack before. */
  readonly crossAttention?: AttentionRefs;
  /** The feed-forward network. */
  readonly ffn: FfnRefs;
}

/** The four projections of an attention layer, with its norms. */
export interface AttentionRefs {
  /** Before or after the layer, as {@linkcode NormSpec} says. */
  readonly norm?: LayerRef;
  /** To the query heads. */
  readonly query: LayerRef;
  /** To the key heads. */
  readonly key: LayerRef;
  /** To the value heads. */
  readonly value: LayerRef;
  /** Back to the model's width. */
  readonly output: LayerRef;
  /** Gain of an RMSNorm of each query head. */
  readonly queryNorm?: TensorRef;
  /** Gain of an RMSNorm of each key head. */
  readonly keyNorm?: TensorRef;
}

/** The projections of a feed-forward network, with its norm. */
interface FfnRefs {
  /** Before or after the network, as {@linkcode NormSpec} says. */
  readonly norm?: LayerRef;
  /** The projection that the activation follows. */
  readonly gate: LayerRef;
  /** The projection that the gate multiplies, where the network is gated. */
  readonly up?: LayerRef;
  /** Back to the model's width. */
  readonly down: LayerRef;
}

/** A linear layer or a norm: its weight (or gain) and, where there is one, its bias. */
export interface LayerRef {
  /** Weight or gain. */
  readonly weight: TensorRef;
  /** Bias. */
  readonly bias?: TensorRef;
}

/** Where a weight is found in a checkpoint. */
export interface TensorRef {
  /** The tensor's name, without the prefix of a head on top. */
  readonly name: string;
  /** Other names of the same weights, by one of which they may be stored in its stead. */
  readonly or?: readonly string[];
  /** Stored as `[inputs, outputs]`. */
  readonly transposed?: boolean;
  /** The outputs are one of several equal parts of the tensor's. */
  readonly part?: Part;
}

/** One of `of` equal parts of a dimension; with `groups`, of each of that many equal groups. */
interface Part {
  /** Which part, from 0. */
  readonly index: number;
  /** How many parts. */
  readonly of: number;
  /** How many groups, each with all parts. */
  readonly groups?: number;
}
