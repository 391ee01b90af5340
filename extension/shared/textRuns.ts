/** A language model that runs on a person's text: what is asked, what it takes, how it stands. */
import type { DecoderCalibrationReport, DecoderEvaluation, TokenInputs } from './decoderRuns';
import type { Problem } from './tensors';

/** What is known of a language model from its configuration and its names. */
export interface DecoderFacts {
  readonly modelType: string;
  readonly blocks: number;
  /** Rows of its embedding. */
  readonly vocabulary: number;
  /** Tokens of a window if nothing else is asked for. */
  readonly usualLength: number;
  /** Tokens that it reads at most; null where it does not say. */
  readonly positions: number | null;
}

/** What a person chose last; without a text before the first time. */
export interface TextChoices {
  readonly text: string | null;
  readonly windows: number;
  /** Tokens of a window; null for the model's usual length. */
  readonly length: number | null;
}

export interface EvaluationOnText {
  readonly tokens: TokenInputs;
  /** Paths of saved models that are compared with the open one. */
  readonly others: readonly string[];
}

export interface CalibrationOnText {
  readonly tokens: TokenInputs;
  /** The new file of statistics. */
  readonly target: string;
}

/** How long an evaluation takes, told from a piece of it. */
export interface TextEstimate {
  readonly seconds: number;
  /** Windows that the text has, as many as were asked for at most. */
  readonly windows: number;
  readonly length: number;
  /** The piece: windows that went through the first block. */
  readonly measuredWindows: number;
}

/** How an evaluation, or a calibration, stands: the host keeps it, so that a tab that was hidden finds it again. */
export type TextRun =
  | {
      readonly state: 'running';
      /** 0 … 1. */
      readonly fraction: number;
      /** The model, block and window in work. */
      readonly message: string;
      /** null before there is enough to tell. */
      readonly secondsLeft: number | null;
    }
  | { readonly state: 'done'; readonly text: string; readonly result: DecoderEvaluation }
  | { readonly state: 'calibrated'; readonly result: DecoderCalibrationReport }
  /** By a person (`problem` is null) or by a problem. */
  | { readonly state: 'stopped'; readonly problem: Problem | null };

/** Requests about an open checkpoint (`DocumentRequests`). */
export interface TextRequests {
  /** What is known of a language model. Rejects what cannot be run, by name. */
  decoderFacts: { params: { document: string }; result: DecoderFacts };
  /** Runs a piece of the evaluation, to tell how long all of it takes. */
  estimateOnText: { params: { document: string; request: EvaluationOnText }; result: TextEstimate };
  /** The document, and other models beside it, on a text; tells its progress as `running`. */
  evaluateOnText: { params: { document: string; request: EvaluationOnText }; result: DecoderEvaluation };
  /** Writes statistics of what the document's weights are multiplied with; progress as `running`. */
  calibrateOnText: { params: { document: string; request: CalibrationOnText }; result: DecoderCalibrationReport };
}

/** Requests of its view (`ViewRequests`). */
export interface TextViewRequests {
  /** With what the person chose last. Rejects what cannot be run, by name. */
  decoderFacts: { params: null; result: { facts: DecoderFacts; choices: TextChoices } };
  /** The host asks with the native dialog; null where the person cancelled it. */
  chooseText: { params: null; result: { path: string } | null };
  /** The host asks for saved models; null where the person cancelled it. */
  chooseSaved: { params: null; result: { paths: string[] } | null };
  estimateOnText: { params: { request: EvaluationOnText }; result: TextEstimate };
  /** Begins, and keeps the choices; how it stands comes as `textRun`. */
  evaluateOnText: { params: { request: EvaluationOnText }; result: null };
  /** The host asks where the statistics go, then begins; false where the person cancelled that. */
  calibrateOnText: { params: { tokens: TokenInputs }; result: boolean };
  cancelOnText: { params: null; result: null };
}

export const DEFAULT_WINDOWS = 16;
export const MOST_WINDOWS = 100_000;
export const LEAST_LENGTH = 2;
/** Masks have a number for each pair of tokens. */
export const MOST_LENGTH = 32_768;

/** Whatever was stored: another version may have written it. */
export function parseTextChoices(stored: unknown): TextChoices {
  const { text, windows, length } = (typeof stored === 'object' && stored !== null ? stored : {}) as Partial<
    Record<keyof TextChoices, unknown>
  >;
  const whole = (value: unknown, least: number, most: number): value is number =>
    typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
  return {
    text: typeof text === 'string' && text !== '' ? text : null,
    windows: whole(windows, 1, MOST_WINDOWS) ? windows : DEFAULT_WINDOWS,
    length: whole(length, LEAST_LENGTH, MOST_LENGTH) ? length : null,
  };
}
