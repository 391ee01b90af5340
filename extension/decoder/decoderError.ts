/** Why a language model cannot be run, or stopped running: code for programs, a sentence for people. */
import type { Problem } from '../shared/tensors';

export type DecoderErrorCode =
  /** No description of this kind of model. */
  | 'unknown-family'
  /** A known kind of model with an option that is not computed here. */
  | 'unsupported'
  /** The configuration is missing, or lacks a number or has a wrong one. */
  | 'invalid-config'
  /** A weight that the configuration asks for is not there, or has other sizes. */
  | 'missing-weights'
  /** Token ids that are not this model's, or too few of them. */
  | 'invalid-tokens'
  /** NaN or infinity in the middle of a pass. */
  | 'not-finite';

export class DecoderError extends Error {
  override readonly name = 'DecoderError';

  /** @param file in front of the message: the checkpoint, or the file of tokens */
  constructor(
    readonly code: DecoderErrorCode,
    reason: string,
    readonly file?: string,
  ) {
    super(file === undefined ? reason : `${file}: ${reason}`);
  }

  toProblem(): Problem {
    return { code: this.code, message: this.message, ...(this.file !== undefined && { file: this.file }) };
  }
}
