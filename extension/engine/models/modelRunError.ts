/**
 * Why a model could not be run, in words for people. Codes: `invalid-inputs` (names, types, shapes, NaN), `onnxruntime` (it
 * is not there, or refuses the model or the inputs), `ended` (the process that ran the model), `different-models`; and the
 * code of any other problem that the process told of.
 */
import type { Problem } from '../../shared/tensors';

export class ModelRunError extends Error {
  override readonly name = 'ModelRunError';

  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }

  toProblem(): Problem {
    return { code: this.code, message: this.message };
  }
}

/** Inputs that do not fit the model. */
export function invalid(message: string): ModelRunError {
  return new ModelRunError('invalid-inputs', message);
}
