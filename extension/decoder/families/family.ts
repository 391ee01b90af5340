/**
 * What a family of decoder-only language models is: how its configuration becomes a description of embedding, blocks and
 * head. A description names modules and says sizes; it holds no weights. Names are those of Hugging Face's models.
 */
import type { ConfigFields } from '../config/configFields';
import type { Rope } from '../config/rope';
import type { Activation } from '../graphs/activations';

export interface Family {
  /** `model_type` of config.json; a GGUF file's architecture is translated to one (`ggufFields.ts`). */
  readonly types: readonly string[];
  /** @throws DecoderError `invalid-config`, `unsupported` */
  describe(config: ConfigFields): DecoderDescription;
}

export interface DecoderDescription {
  readonly hidden: number;
  /** Positions that the model was made for. Learned ones end there; rotations go on. */
  readonly positions?: number;
  readonly embedding: Embedding;
  readonly blocks: readonly BlockDescription[];
  readonly head: Head;
}

export interface Embedding {
  /** vocabulary × width. */
  readonly weight: string;
  /** A learned vector is added for each position, `offset` rows into its table. */
  readonly positions?: { readonly weight: string; readonly offset: number };
  /** Multiplies the embedding. */
  readonly scale?: number;
  /** From the embedding's width to the hidden size. */
  readonly project?: Linear;
}

export interface Head {
  /** Before the head; OPT with norms behind its parts has none. */
  readonly norm?: Norm;
  readonly normKind: NormKind;
  /** From the hidden size to the embedding's width. */
  readonly project?: Linear;
  /** vocabulary × width. The embedding's weight, if it is tied, or if `weight` is not stored. */
  readonly weight: string;
  readonly tied: boolean;
  /** Logits become c·tanh(logits / c). */
  readonly softCap?: number;
}

/** A module that multiplies: y = W·x + b. */
export interface Linear {
  /** Without `.weight`. */
  readonly name: string;
  /** Its bias must be there. One that is stored all the same is used. */
  readonly bias: boolean;
  /** Stored in × out, as GPT-2's Conv1D (not in GGUF files). */
  readonly inputsFirst?: true;
  /** What it must have; the inner size of an MLP may be another one than the configuration's. */
  readonly outputs?: number;
  readonly inputs?: number;
  /** Heads whose rows GGUF files may hold in another order. */
  readonly rotatedHeads?: number;
}

export interface Norm {
  /** Without `.weight`. */
  readonly name: string;
  /** The stored weight lacks 1 (Gemma; not in GGUF files). */
  readonly plusOne?: true;
  readonly bias: boolean;
  /** No weight at all: it is 1. */
  readonly plain?: true;
}

export type LinearRole = 'q' | 'k' | 'v' | 'qkv' | 'o' | MlpRole | 'router' | 'sharedGate';
export type MlpRole = 'gate' | 'up' | 'gateUp' | 'down';
/** `attention` and `mlp` stand before the part, `…After` behind it (`q` and `k`: over each head). */
export type NormRole = 'attention' | 'attentionAfter' | 'mlp' | 'mlpAfter' | 'q' | 'k';

export interface BlockDescription {
  /** What the modules' names begin with, for messages. */
  readonly name: string;
  readonly kind: BlockKind;
  readonly linears: Readonly<Partial<Record<LinearRole, Linear>>>;
  readonly norms: Readonly<Partial<Record<NormRole, Norm>>>;
  readonly rope?: Rope;
  /** Tokens that a token sees, itself included. */
  readonly window?: number;
  readonly experts?: Experts;
}

/** All that decides the graph of a block, but for its weights. */
export interface BlockKind {
  readonly attention: AttentionKind;
  readonly norm: NormKind;
  /**
   * `before`: x + f(norm(x)), twice. `after`: norm(x + f(x)), twice. `around`: x + norm(f(norm(x))), twice. `parallel`:
   * x + attention(norm(x)) + mlp(norm(x)), with one norm if there is no norm `mlp`.
   */
  readonly order: 'before' | 'after' | 'around' | 'parallel';
  readonly mlp: MlpKind;
}

export interface NormKind {
  /** Root mean square, or mean and variance. */
  readonly form: 'rms' | 'layer';
  readonly epsilon: number;
}

export interface AttentionKind {
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headSize: number;
  /** Three modules; or one whose rows are q, k, v, or q, k, v of each head. */
  readonly layout: 'separate' | 'stacked' | 'byHeads';
  /** Scores are multiplied by it. */
  readonly scale: number;
  /** Scores become c·tanh(scores / c). */
  readonly softCap?: number;
  /** Numbers of each head that are turned, the first ones. */
  readonly rotated: number;
  /** q and k are normed over each head. */
  readonly headNorm?: NormKind;
}

export interface MlpKind {
  /** down(act(gate(x))·up(x)), or down(act(up(x))). */
  readonly form: 'gated' | 'plain';
  readonly activation: Activation;
  /** Gate and up are one module, its rows below one another. */
  readonly fused?: true;
}

/** A mixture of experts in place of the MLP. */
export interface Experts {
  readonly perToken: number;
  /** The chosen experts' weights are made to sum to 1. */
  readonly normalised: boolean;
  readonly each: readonly Readonly<Partial<Record<MlpRole, Linear>>>[];
  /** One for all tokens, times the sigmoid of the linear `sharedGate`. */
  readonly shared?: Readonly<Partial<Record<MlpRole, Linear>>>;
}
