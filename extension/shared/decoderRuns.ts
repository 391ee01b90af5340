/** What running a language model is asked for and gives. */

/** Where a model's tokens come from: a text, or `.npy`, `.bin` and `.jsonl` files of token ids. */
export interface TokenInputs {
  readonly path: string;
  /** Windows that are taken, at most: the first ones, or ones by chance with `seed`. */
  readonly windows: number;
  readonly seed?: number;
  /** Tokens of a window; without it what the model was made for, at most 2048. */
  readonly length?: number;
}

export interface DecoderEvaluationRequest {
  /** The first one is what the others are compared with. */
  readonly models: readonly string[];
  /** Files of plans of the first model that are not saved: its weights are compressed while they run. */
  readonly plans?: readonly string[];
  /** File of statistics of the inputs, for plans that need it. */
  readonly statistics?: string;
  readonly tokens: TokenInputs;
}

export interface EvaluatedWindow {
  readonly nll: number;
  readonly kl: number | null;
  readonly top1_agreement: number | null;
}

/** [lower, upper]; null where the number itself is null, and for a single window. */
export interface EvaluationIntervals {
  readonly perplexity: readonly [number, number] | null;
  readonly kl: readonly [number, number] | null;
  readonly top1_agreement: readonly [number, number] | null;
}

export interface EvaluatedDecoder extends EvaluatedWindow {
  readonly name: string;
  /** e^nll */
  readonly perplexity: number;
  /** Mean −ln p of a token, in nats; the first token of each window is not scored. */
  readonly nll: number;
  /** Mean KL divergence of the next token's distribution from the first model's, in nats; null of the first model. */
  readonly kl: number | null;
  /** Share of tokens for which both models find the same next token likeliest; null of the first model. */
  readonly top1_agreement: number | null;
  readonly windows: readonly EvaluatedWindow[];
  /** 95 % intervals over windows. @see DecoderEvaluation.bootstrap */
  readonly intervals: EvaluationIntervals;
}

export interface DecoderEvaluation {
  readonly windows: number;
  readonly length: number;
  /** Tokens that are scored. */
  readonly tokens: number;
  /** Of the intervals: windows are drawn with replacement. */
  readonly bootstrap: { readonly seed: number; readonly resamples: number };
  readonly models: readonly EvaluatedDecoder[];
}

export interface DecoderEvaluationReport extends DecoderEvaluation {
  /** What the tokens are, for people. */
  readonly inputs: string;
}

export interface DecoderCalibrationRequest {
  readonly model: string;
  readonly tokens: TokenInputs;
  /** The new file of statistics. */
  readonly target: string;
  readonly overwrite: boolean;
  /** Bytes that the Gram matrices of one block may take. */
  readonly gramBytes: number;
}

export interface CalibratedLayer {
  readonly layer: string;
  readonly inputs: number;
  readonly tokens: number;
  readonly gram: boolean;
}

export interface DecoderCalibrationReport {
  readonly path: string;
  readonly bytes: number;
  readonly windows: number;
  readonly length: number;
  /** What the tokens are, for people. */
  readonly inputs: string;
  readonly layers: readonly CalibratedLayer[];
  /** By block: 1 − the mean cosine of what enters it and what leaves it. */
  readonly influence: Readonly<Record<string, number>>;
  /** Experts that no token went to. */
  readonly unreached: readonly string[];
  /** Layers without a Gram matrix, for want of memory. */
  readonly diagonal: readonly string[];
  /** Layers with fewer tokens than inputs: their Gram matrix is singular. */
  readonly singular: readonly string[];
}
