/** What running ONNX models is asked for and gives: calibration and evaluation. */

/** Where a model's inputs come from. */
export type ModelInputs =
  /** An `.npz` of one array for each input, an `.npy` for a model of one input, or a folder of them. */
  | { readonly kind: 'files'; readonly path: string }
  /** Made up: they say nothing of real ones. `shapes` of inputs that have axes without a size. */
  | {
      readonly kind: 'random';
      readonly samples: number;
      readonly seed: number;
      readonly shapes: Readonly<Record<string, readonly number[]>>;
    };

export interface CalibrationRequest {
  readonly inputs: ModelInputs;
  /** The new file of statistics. */
  readonly target: string;
  readonly overwrite?: boolean;
  /** Bytes that the Gram matrices may take together. */
  readonly gramBytes: number;
}

export interface CalibrationReport {
  readonly path: string;
  readonly bytes: number;
  /** Times that the model ran. */
  readonly runs: number;
  readonly synthetic: boolean;
  readonly layers: readonly { readonly layer: string; readonly tokens: number; readonly gram: boolean }[];
  /** Layers without statistics, and why. */
  readonly left: readonly { readonly layer: string; readonly why: string }[];
  readonly notes: readonly string[];
}

export interface EvaluationRequest {
  readonly inputs: ModelInputs;
  /** Outputs that are logits, beside those whose name says so. */
  readonly logits: readonly string[];
}

/** Milliseconds of one model's runs, by which of the two ran first. */
export interface Latency {
  readonly median: number;
  readonly first: number;
  readonly second: number;
}

export interface OutputDifference {
  readonly output: string;
  /** ‖a − b‖/‖a‖ over all runs; null if a is zero and b is not, and for integers: labels have no lengths. */
  readonly relative_error: number | null;
  readonly largest_difference: number;
  /**
   * Rows along the last axis whose largest element is the same one; of integers, as labels are, the share that is equal.
   * Null for outputs without such rows.
   */
  readonly top1_agreement: number | null;
  /** Mean KL divergence of b from a, in nats a row; null if rows are neither logits nor probabilities. */
  readonly kl: number | null;
  /** True of integers, as labels and positions are. */
  readonly integers: boolean;
  readonly rows_are: 'logits' | 'probabilities' | null;
}

export interface EvaluatedModel {
  readonly path: string;
  /** Bytes of the model and of its data files. */
  readonly bytes: number;
  readonly latency_ms: Latency;
  /** Most memory that its process held, and what it held before the model was loaded. */
  readonly peak_bytes: number;
  readonly baseline_bytes: number;
}

export interface EvaluationReport {
  readonly original: EvaluatedModel;
  readonly compressed: EvaluatedModel;
  readonly runs: number;
  readonly timed_runs: number;
  readonly synthetic: boolean;
  readonly outputs: readonly OutputDifference[];
  readonly notes: readonly string[];
}

/** What numbers of a compressed model do not say. */
export const EVALUATION_CAVEATS = [
  'The error of weights does not predict perplexity: judge a language model by its own loss.',
  'Two factors in place of one weight may be slower at batch 1, although they hold fewer bytes.',
] as const;
