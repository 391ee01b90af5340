/** Language models in a process of their own, which can be cancelled, and may end without taking the engine along. */
import path from 'node:path';
import { removeAbandonedPartials } from '../../compression/partialFile';
import type {
  DecoderCalibrationReport,
  DecoderCalibrationRequest,
  DecoderEvaluationReport,
  DecoderEvaluationRequest,
} from '../../shared/decoderRuns';
import { ModelProcess } from '../models/modelProcess';

/**
 * @param script of the process, for tests
 * @throws ModelRunError with the code of what went wrong; the signal's reason
 */
export async function runDecoderEvaluation(
  { models, plans = [], statistics, tokens }: DecoderEvaluationRequest,
  signal: AbortSignal,
  onProgress: (fraction: number, message: string) => void,
  script?: string,
): Promise<DecoderEvaluationReport> {
  const process = new ModelProcess(signal, onProgress, script);
  try {
    return await process.call('evaluateDecoders', {
      models: models.map((model) => path.resolve(model)),
      plans: plans.map((plan) => path.resolve(plan)),
      ...(statistics !== undefined && { statistics: path.resolve(statistics) }),
      tokens: { ...tokens, path: path.resolve(tokens.path) },
    });
  } finally {
    await process.end();
  }
}

/** The same for statistics. Nothing is written where it throws. */
export async function runDecoderCalibration(
  request: DecoderCalibrationRequest,
  signal: AbortSignal,
  onProgress: (fraction: number, message: string) => void,
  script?: string,
): Promise<DecoderCalibrationReport> {
  const { model, tokens } = request;
  const target = path.resolve(request.target);
  const process = new ModelProcess(signal, onProgress, script);
  try {
    return await process.call('calibrateDecoder', {
      ...request,
      model: path.resolve(model),
      tokens: { ...tokens, path: path.resolve(tokens.path) },
      target,
    });
  } finally {
    await process.end();
    // It may have been ended while it wrote.
    if (signal.aborted) await removeAbandonedPartials(path.dirname(target));
  }
}
