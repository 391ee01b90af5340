/** How long an evaluation takes, from a piece that is run. Runs in the process of `models/modelRun.ts`. */
import { openModel } from '../../checkpoint/openModel';
import { estimateEvaluation } from '../../decoder/estimateEvaluation';
import { openDecoder } from '../../decoder/openDecoder';
import { Sessions } from '../../decoder/pass/sessions';
import type { DecoderEvaluationRequest } from '../../shared/decoderRuns';
import type { TextEstimate } from '../../shared/textRuns';
import { windowsFor } from './tokenInputs';

/**
 * The first model is measured, and the others are taken to be as large.
 *
 * @throws DecoderError, CheckpointError; errors of onnxruntime
 */
export async function estimateDecoderFiles({ models, tokens }: DecoderEvaluationRequest): Promise<TextEstimate> {
  const started = performance.now();
  const sessions = await Sessions.open();
  const model = await openModel(models[0]!);
  try {
    const decoder = await openDecoder(model);
    const { windows } = await windowsFor(model, decoder, tokens);
    const before = (performance.now() - started) / 1000;
    const variant = { name: model.path, description: decoder.description, source: decoder.weights };
    const piece = await estimateEvaluation(variant, windows, { sessions, models: models.length });
    return {
      seconds: before + piece.seconds,
      windows: windows.length,
      length: windows[0]!.length,
      measuredWindows: piece.windows,
    };
  } finally {
    await sessions.release();
    await model.close();
  }
}
