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
  readonly tokens: TokenInputs;
}

export interface EvaluatedWindow {
  readonly nll: number;
  readonly kl: number | null;
  readonly top1_agreement: number | null;
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
}

export interface DecoderEvaluation {
  readonly windows: number;
  readonly length: number;
  /** Tokens that are scored. */
  readonly tokens: number;
  readonly models: readonly EvaluatedDecoder[];
}

export interface DecoderEvaluationReport extends DecoderEvaluation {
  /** What the tokens are, for people. */
  readonly inputs: string;
}
